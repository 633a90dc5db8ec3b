import type { BytePath } from './byte-path.ts';
import type { FolderNode } from './file-tree.ts';
import type { LeftOut } from './snapshot-meta.ts';
import { sweep, sweepAgain } from './sweep.ts';
import type { Looks } from './sweep.ts';

/**
 * What the last full look at a worktree found. The next one starts from it: only what has another stamp than then is
 * read again.
 */
export interface Seen {
  /** When the look began, in epoch milliseconds: files written shortly before may have changed since unnoticed. */
  readonly at: number;
  /** The files in the tree, and those left out of it. */
  readonly files: Looks;
  /** The folders in which anything new would be part of the next snapshot. */
  readonly folders: Looks;
  /** Files that are not in the tree, and why. */
  readonly leftOut: ReadonlyMap<BytePath, Pick<LeftOut, 'reason' | 'bytes'>>;
  /** The tree. */
  readonly root: FolderNode;
  /** The submodules in the tree. */
  readonly submodules: ReadonlySet<BytePath>;
  readonly odd: OddPlaces;
  /** Changes when files outside the worktree do that say what is ignored. */
  readonly rules: string;
}

/** What git does not list, or only as a whole. */
export interface OddPlaces {
  /** Folders without a file that could be in the tree. */
  readonly bare: ReadonlySet<BytePath>;
  /** FIFOs, sockets and devices. */
  readonly special: ReadonlySet<BytePath>;
  /** Nested git repositories. */
  readonly nested: ReadonlySet<BytePath>;
  /** Ignored folders that were met on the way; nothing is looked for in them. */
  readonly ignored: ReadonlySet<BytePath>;
}

/** What has moved in a worktree since it was last seen. */
export interface Moves {
  readonly at: number;
  readonly files: Looks;
  readonly folders: Looks;
  readonly changedFiles: readonly BytePath[];
  readonly changedFolders: readonly BytePath[];
}

/** Looks at everything that was seen before, or for the first time at nothing. */
export async function findMoves(dir: string, seen: Seen | null, signal: AbortSignal): Promise<Moves> {
  const at = Date.now();
  if (seen === null) {
    const folders = await sweep(dir, [''], signal);
    return { at, files: new Map(), folders, changedFiles: [], changedFolders: [''] };
  }
  const task = { since: seen.at, signal };
  const files = await sweepAgain(dir, seen.files, task);
  const folders = await sweepAgain(dir, seen.folders, task);
  return {
    at,
    files: files.looks,
    folders: folders.looks,
    changedFiles: files.changed,
    changedFolders: folders.changed,
  };
}
