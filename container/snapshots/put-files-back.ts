import { chmodSync, mkdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsence } from '../git/worktree-marks.ts';
import { folderOf, onDisk } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
import { folderTest } from './candidates.ts';
import { parseIndex, withoutStatus } from './index-file.ts';
import { foldersAbove } from './odd-places.ts';
import type { Place } from './place.ts';
import type { PrivateRepo } from './private-repo.ts';
import { kindOf, lookAt } from './sweep.ts';
import { classOf } from './worktree-facts.ts';
import type { WorktreeFacts } from './worktree-facts.ts';

const PERMISSIONS = 0o7777;

/**
 * Makes the files of the worktree those of the snapshot: what differs is written byte for byte, what the snapshot does
 * not have is removed. Git does it, which never writes through a symbolic link.
 */
export async function putFilesBack(
  own: PrivateRepo,
  place: Place,
  { commit, facts }: { commit: string; facts: WorktreeFacts },
): Promise<void> {
  const index = await currentIndex(place);
  if (index !== null) await writeFile(own.index, index);
  openFolders(place.dir, facts);
  await own.run(['read-tree', '--reset', '-u', commit]);
  const bytes = await readFile(own.index);
  const paths = (parseIndex(bytes, place.store.format)?.entries ?? []).map(({ path }) => path);
  makeFolders(place.dir, facts.bareFolders);
  const folders = [...foldersAbove([...paths, ...facts.bareFolders]), ...facts.bareFolders];
  setModes(place.dir, facts.modes, { files: paths, folders });
}

/** The index of the fresh worktree, whose files' status says nothing about their bytes where git converts them. */
async function currentIndex({ admin, store }: Place): Promise<Buffer | null> {
  try {
    const index = parseIndex(await readFile(join(admin, 'index')), store.format);
    return index === null ? null : withoutStatus(index);
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

/** An earlier run that was cut off may have closed folders already. */
function openFolders(dir: string, { modes }: WorktreeFacts): void {
  const isFolder = folderTest(dir);
  for (const [path] of [...modes.others].sort()) {
    if (isFolder(path)) chmodSync(onDisk(dir, path), 0o755);
  }
}

function makeFolders(dir: string, folders: readonly BytePath[]): void {
  const isFolder = folderTest(dir);
  for (const folder of [...folders].sort()) {
    if (isFolder(folderOf(folder)) && lookAt(dir, folder) === 'gone') mkdirSync(onDisk(dir, folder));
  }
}

/** Folders come last and the innermost first: one may be closed to us afterwards. */
function setModes(
  dir: string,
  modes: WorktreeFacts['modes'],
  { files, folders }: { files: readonly BytePath[]; folders: readonly BytePath[] },
): void {
  const others = new Map(modes.others);
  const isFolder = folderTest(dir);
  for (const path of [...files, ...[...folders].sort().toReversed()]) {
    if (!isFolder(folderOf(path))) continue;
    const look = lookAt(dir, path);
    const kind = kindOf(look);
    if (typeof look === 'string' || (kind !== 'file' && kind !== 'folder')) continue;
    const wanted = others.get(path) ?? modes[classOf(look.mode, kind === 'folder')];
    if ((look.mode & PERMISSIONS) !== wanted) chmodSync(onDisk(dir, path), wanted);
  }
}
