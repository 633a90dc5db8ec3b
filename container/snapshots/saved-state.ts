import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isAbsence } from '../git/worktree-marks.ts';
import { isStatePath, STATE_FOLDERS } from './agent-state.ts';
import { linesOf, unquoted } from './byte-path.ts';
import { SnapshotError } from './errors.ts';
import { parseIndex } from './index-file.ts';
import type { IndexFile } from './index-file.ts';
import { setEntries } from './own-index.ts';
import type { Place } from './place.ts';
import type { PrivateRepo } from './private-repo.ts';
import { factsFrom } from './worktree-facts.ts';
import type { WorktreeFacts } from './worktree-facts.ts';
import { STATE_TREE } from './write-snapshot.ts';

/** What the state commit of a snapshot holds. */
export interface SavedState {
  readonly index: IndexFile | null;
  readonly facts: WorktreeFacts;
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Reads the state commit of a snapshot. Throws a SnapshotError `corrupt` when it is not one. */
export async function readSavedState(
  own: PrivateRepo,
  commit: string,
  format: 'sha1' | 'sha256',
): Promise<SavedState> {
  const listed = linesOf(await own.run(['ls-tree', '-r', '--full-tree', commit]));
  const entries = new Map<string, string>();
  for (const line of listed) {
    const [, oid, path = ''] = /^100644 blob ([0-9a-f]+)\t(.*)$/.exec(line) ?? [];
    if (oid !== undefined && isWanted(unquoted(path))) entries.set(unquoted(path), `100644 ${oid}`);
  }
  // Written out by git and read from there: what git writes to a pipe is text to us, and an index is not.
  const folder = join(own.gitDir, 'saved');
  await setEntries(own, entries);
  await own.run(['checkout-index', '--all', `--prefix=${folder}/`]);
  const bytes = new Map<string, Buffer>();
  for (const path of entries.keys()) bytes.set(path, await readFile(join(folder, path)));
  const facts = bytes.get(STATE_TREE.facts);
  if (facts === undefined) throw new SnapshotError('corrupt', 'the snapshot has no state');
  const files = new Map<string, Buffer>();
  for (const [path, content] of bytes) {
    if (path.startsWith(STATE_TREE.files)) files.set(path.slice(STATE_TREE.files.length), content);
  }
  const index = bytes.get(STATE_TREE.index);
  return {
    index: index === undefined ? null : parseIndex(index, format),
    facts: factsFrom(facts.toString()),
    files,
  };
}

function isWanted(path: string): boolean {
  if (path === STATE_TREE.index || path === STATE_TREE.facts) return true;
  return path.startsWith(STATE_TREE.files) && isStatePath(path.slice(STATE_TREE.files.length));
}

/** Puts the files of operations in progress into the admin folder, and takes away those of any other. */
export async function putStateBack({ admin }: Place, files: SavedState['files']): Promise<void> {
  for (const name of await readdir(admin)) {
    if (isStatePath(name) || (STATE_FOLDERS.includes(name) && name !== 'refs')) {
      await rm(join(admin, name), { recursive: true, force: true });
    }
  }
  for (const name of await namesIn(join(admin, 'refs'))) {
    await rm(join(admin, 'refs', name), { recursive: true, force: true });
  }
  for (const [path, bytes] of files) {
    const place = join(admin, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, bytes);
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}
