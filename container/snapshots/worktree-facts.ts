import { z } from 'zod';
import type { BytePath } from './byte-path.ts';
import { statusOf } from './index-file.ts';
import type { IndexEntry, IndexFile } from './index-file.ts';
import { kindOf } from './sweep.ts';
import type { Look, Stamp } from './sweep.ts';

const Mode = z.int().min(0).max(0o7777);
const Path = z.string().min(1);

/**
 * What git does not keep of a worktree. Permission bits are those of most files, of most executable files and of most
 * folders, and `others` where they differ.
 */
export const WorktreeFacts = z.object({
  modes: z.object({ file: Mode, executable: Mode, folder: Mode, others: z.array(z.tuple([Path, Mode])) }),
  bareFolders: z.array(Path),
  /** The entries of the index whose status said that the file is unchanged: `all` but `paths`, or only these. */
  unchanged: z.object({ all: z.boolean(), paths: z.array(Path) }),
});
export type WorktreeFacts = z.infer<typeof WorktreeFacts>;

const PERMISSIONS = 0o7777;
const OWNER_EXECUTES = 0o100;

/** An index has the low 32 bits of sizes and file numbers. */
const WORD = 2 ** 32;

/** Nanoseconds do not fit into the numbers that times are compared in. */
const STAMP_BLUR_MS = 0.01;

/** The class that a mode is the usual one of. */
export function classOf(mode: number, folder: boolean): 'file' | 'executable' | 'folder' {
  if (folder) return 'folder';
  return (mode & OWNER_EXECUTES) === 0 ? 'file' : 'executable';
}

/** The permission bits of files and folders; links have none of their own. */
export function modesOf(
  files: ReadonlyMap<BytePath, Look>,
  folders: ReadonlyMap<BytePath, Look>,
): WorktreeFacts['modes'] {
  const counts = {
    file: new Map<number, number>(),
    executable: new Map<number, number>(),
    folder: new Map<number, number>(),
  };
  const all: [BytePath, number, keyof typeof counts][] = [];
  for (const [places, kind] of [
    [files, 'file'],
    [folders, 'folder'],
  ] as const) {
    for (const [path, look] of places) {
      if (typeof look === 'string' || kindOf(look) !== kind || path === '') continue;
      const mode = look.mode & PERMISSIONS;
      const name = classOf(mode, kind === 'folder');
      counts[name].set(mode, (counts[name].get(mode) ?? 0) + 1);
      all.push([path, mode, name]);
    }
  }
  const usual = {
    file: mostOften(counts.file, 0o644),
    executable: mostOften(counts.executable, 0o755),
    folder: mostOften(counts.folder, 0o755),
  };
  const others: [BytePath, number][] = [];
  for (const [path, mode, name] of all) if (mode !== usual[name]) others.push([path, mode]);
  return { ...usual, others: others.sort(byPath) };
}

function byPath([one]: [string, number], [other]: [string, number]): number {
  return one < other ? -1 : 1;
}

function mostOften(counts: ReadonlyMap<number, number>, otherwise: number): number {
  let [best, most] = [otherwise, 0];
  for (const [mode, count] of counts) if (count > most) [best, most] = [mode, count];
  return best;
}

/**
 * From when on, in epoch milliseconds, files are too young for their status to be trusted: git rereads those of the
 * second in which it wrote the index (https://git-scm.com/docs/racy-git), unless it was built otherwise.
 */
export function racyFrom(indexMtimeMs: number): number {
  return Math.floor(indexMtimeMs / 1000) * 1000;
}

/** Whether a file is unchanged by its status alone, and older than `youngerMs`. */
export function isUnchanged(entry: IndexEntry, look: Stamp, youngerMs: number): boolean {
  const status = statusOf(entry);
  return (
    status.size === look.size % WORD &&
    status.ino === look.ino % WORD &&
    Math.abs(status.mtimeMs - look.mtimeMs) < STAMP_BLUR_MS &&
    Math.abs(status.ctimeMs - look.ctimeMs) < STAMP_BLUR_MS &&
    status.mtimeMs < youngerMs
  );
}

/**
 * Which files git took for unchanged by their status alone. Whether the content says so too is another question where
 * line endings are converted, and a restore has to give the same answer. Files that `moved` while they were read are
 * not as they were looked at: git has to compare their content.
 */
export function unchangedByStatus(
  index: IndexFile | null,
  indexMtimeMs: number,
  { files, moved }: { files: ReadonlyMap<BytePath, Look>; moved: ReadonlySet<BytePath> },
): WorktreeFacts['unchanged'] {
  const [fresh, stale]: [BytePath[], BytePath[]] = [[], []];
  if (index === null) return { all: true, paths: [] };
  const younger = racyFrom(indexMtimeMs);
  for (const entry of index.entries) {
    const look = files.get(entry.path);
    if (entry.stage !== 0 || look === undefined || typeof look === 'string') continue;
    (!moved.has(entry.path) && isUnchanged(entry, look, younger) ? fresh : stale).push(entry.path);
  }
  return stale.length <= fresh.length ? { all: true, paths: stale } : { all: false, paths: fresh };
}
