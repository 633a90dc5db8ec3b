import { accessSync, constants } from 'node:fs';
import type { BytePath } from './byte-path.ts';
import { folderOf, onDisk } from './byte-path.ts';
import type { LeftOut } from './snapshot-meta.ts';
import { kindOf, lookAt } from './sweep.ts';
import type { Look, Looks } from './sweep.ts';

/** Why a file is not in the tree. */
export type Refusal = Pick<LeftOut, 'reason' | 'bytes'>;

/** What is to become of paths that may have changed. */
export interface Sorted {
  readonly add: BytePath[];
  readonly gone: BytePath[];
  readonly refused: Map<BytePath, Refusal>;
  /** Of the files that are there. */
  readonly looks: Map<BytePath, Look>;
}

/** Sorts paths by what is there now; `looks` are those that were taken already. */
export function sortCandidates(
  dir: string,
  candidates: Iterable<BytePath>,
  { looks, maxFileBytes }: { looks: Looks; maxFileBytes: number },
): Sorted {
  const sorted: Sorted = { add: [], gone: [], refused: new Map(), looks: new Map() };
  const isFolder = folderTest(dir);
  for (const path of candidates) {
    const look = isFolder(folderOf(path)) ? (looks.get(path) ?? lookAt(dir, path)) : 'gone';
    const kind = kindOf(look);
    if (kind === 'gone' || kind === 'folder') {
      sorted.gone.push(path);
      continue;
    }
    sorted.looks.set(path, look);
    const refusal = refuse(dir, path, { look, maxFileBytes });
    if (refusal === null) sorted.add.push(path);
    else sorted.refused.set(path, refusal);
  }
  return sorted;
}

/** Whether a folder is one all the way down: what lies behind a symbolic link is not part of the worktree. */
export function folderTest(dir: string): (folder: BytePath) => boolean {
  const known = new Map<BytePath, boolean>([['', true]]);
  const ask = (folder: BytePath): boolean => {
    const answer = known.get(folder) ?? (ask(folderOf(folder)) && isOpenFolder(lookAt(dir, folder)));
    known.set(folder, answer);
    return answer;
  };
  return ask;
}

/** A folder that may not be looked into counts as one: what is in it is there, only not readable. */
function isOpenFolder(look: Look): boolean {
  return look === 'barred' || kindOf(look) === 'folder';
}

function refuse(
  dir: string,
  path: BytePath,
  { look, maxFileBytes }: { look: Look; maxFileBytes: number },
): Refusal | null {
  if (look === 'barred' || look === 'gone') return { reason: 'may not be read', bytes: null };
  const kind = kindOf(look);
  if (kind === 'link') return null;
  if (kind !== 'file') return { reason: `is a ${kind}`, bytes: null };
  const { size } = look;
  if (size > maxFileBytes) return { reason: `is larger than ${maxFileBytes} bytes`, bytes: size };
  return isReadable(dir, path) ? null : { reason: 'may not be read', bytes: null };
}

function isReadable(dir: string, path: BytePath): boolean {
  try {
    accessSync(onDisk(dir, path), constants.R_OK);
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'EACCES' || code === 'EPERM') return false;
    // Gone since it was looked at: git finds that out for itself.
    if (code === 'ENOENT' || code === 'ENOTDIR') return true;
    throw error;
  }
}
