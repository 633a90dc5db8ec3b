import { readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { GitFailure } from '../git/errors.ts';
import { linesOf, quoted, unquoted } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
import type { Refusal } from './candidates.ts';
import type { PrivateRepo } from './private-repo.ts';
import type { Seed } from './seen.ts';

const NOTHING = '0 0000000000000000000000000000000000000000';

/** Puts an earlier private index in place, with its time: git tells by it which entries were written too late to trust. */
export async function plantSeed(own: PrivateRepo, seed: Seed | null): Promise<void> {
  if (seed === null) return;
  await writeFile(own.index, seed.bytes);
  const seconds = Math.floor(seed.mtimeMs / 1000) - 1;
  await utimes(own.index, seconds, seconds);
}

/** The private index as it is now. */
export async function harvestSeed(own: PrivateRepo): Promise<Seed> {
  const [bytes, { mtimeMs }] = await Promise.all([readFile(own.index), stat(own.index)]);
  return { bytes, mtimeMs };
}

/** New files and nested repositories; `covers` tells whether a path was looked for at all. */
export interface Listing {
  readonly files: BytePath[];
  readonly nested: BytePath[];
  covers(path: BytePath): boolean;
}

/** Above so many folders one listing of everything is quicker, and the command line stays short. */
const FOLDERS_MAX = 50;

/** Lists the files in and below `folders` that the private index does not have and no rule ignores. */
export async function listNew(own: PrivateRepo, folders: readonly BytePath[]): Promise<Listing> {
  if (folders.length === 0) return { files: [], nested: [], covers: () => false };
  // An argument is text; what is not plain could reach git as other bytes.
  const narrow =
    folders.length <= FOLDERS_MAX && folders.every((folder) => /^[\u0020-\u007e]+$/.test(folder));
  const scope = narrow ? ['--', ...folders.map((folder) => `:(top,literal)${folder}/`)] : [];
  const args = ['ls-files', '--others', '--exclude-standard', ...scope];
  const listed = linesOf(await own.run(args)).map(unquoted);
  return {
    files: listed.filter((path) => !path.endsWith('/')),
    nested: listed.filter((path) => path.endsWith('/')).map((path) => path.slice(0, -1)),
    covers: (path) => !narrow || folders.some((folder) => path === folder || path.startsWith(`${folder}/`)),
  };
}

/** Sets entries to `<mode> <object>`, or takes them away (null), without looking at the worktree. */
export async function setEntries(
  own: PrivateRepo,
  entries: ReadonlyMap<BytePath, string | null>,
): Promise<void> {
  if (entries.size === 0) return;
  const input = [...entries].map(([path, entry]) => `${entry ?? NOTHING}\t${quoted(path)}\n`).join('');
  await own.run(['update-index', '--add', '--replace', '--verbose', '--index-info'], input);
}

/**
 * Reads files into the repository and the private index. One that git cannot take does not keep the others from it:
 * it is returned, with git's words.
 */
export async function addFiles(
  own: PrivateRepo,
  paths: readonly BytePath[],
): Promise<Map<BytePath, Refusal>> {
  if (paths.length === 0) return new Map();
  try {
    const input = paths.map((path) => `${quoted(path)}\n`).join('');
    await own.run(['update-index', '--add', '--replace', '--remove', '--verbose', '--stdin'], input);
    return new Map();
  } catch (error) {
    if (!(error instanceof GitFailure) || error.exitCode === null || error.code === 'disk_full') throw error;
    const [first] = paths;
    if (paths.length === 1 && first !== undefined) {
      return new Map([[first, { reason: `could not be added (${error.message})`, bytes: null }]]);
    }
    // Nothing of a failed command is in the index: halving finds the culprits.
    const half = paths.length >> 1;
    const refused = await addFiles(own, paths.slice(0, half));
    for (const [path, refusal] of await addFiles(own, paths.slice(half))) refused.set(path, refusal);
    return refused;
  }
}
