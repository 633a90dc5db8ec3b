import { lutimesSync } from 'node:fs';
import { join } from 'node:path';
import { inFolderOf } from '../files/plain-path.ts';
import { changeMode, makeFolder, writeWhole } from '../files/write.ts';
import type { Git } from '../git/run-git.ts';
import { bytesOf } from '../files/read.ts';
import { folderOf, onDisk } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
import { folderTest } from './candidates.ts';
import { indexBytes, parseIndex } from './index-file.ts';
import { foldersAbove } from './odd-places.ts';
import type { Place } from './place.ts';
import { withPrivateRepo } from './private-repo.ts';
import { kindOf, lookAt } from './sweep.ts';
import { findUnconverted } from './unconverted.ts';
import { classOf } from './worktree-facts.ts';
import type { WorktreeFacts } from './worktree-facts.ts';

const PERMISSIONS = 0o7777;

/** How much younger than any file the private index is made, so that git rereads none. */
const AHEAD_MS = 5_000;

/**
 * Makes the files of the worktree those of the snapshot: what differs is written byte for byte, what the snapshot does
 * not have is removed. Git does it, which never writes through a symbolic link.
 */
export async function putFilesBack(
  git: Git,
  place: Place,
  { commit, facts, signal }: { commit: string; facts: WorktreeFacts; signal: AbortSignal },
): Promise<void> {
  const seed = await seedOf(git, place, signal);
  const soon = new Date(Date.now() + AHEAD_MS);
  openFolders(place.dir, facts);
  const paths = await withPrivateRepo(git, place, { signal }, async (own) => {
    if (seed !== null) writeWhole(own.index, seed);
    // As if written later than any file, so that git rereads none.
    if (seed !== null) inFolderOf(own.index, (index) => lutimesSync(index, soon, soon));
    await own.run(['read-tree', '--reset', '-u', commit]);
    const written = parseIndex(bytesOf(own.index) ?? Buffer.alloc(0), place.store.format);
    return (written?.entries ?? []).map(({ path }) => path);
  });
  makeFolders(place.dir, facts.bareFolders);
  const folders = [...foldersAbove([...paths, ...facts.bareFolders]), ...facts.bareFolders];
  setModes(place.dir, facts.modes, { files: paths, folders });
}

/** All files that the index of the fresh worktree has, with their status where they need not be written again. */
async function seedOf(git: Git, place: Place, signal: AbortSignal): Promise<Buffer | null> {
  const file = join(place.admin, 'index');
  const bytes = bytesOf(file);
  const index = bytes === null ? null : parseIndex(bytes, place.store.format);
  if (index === null) return null;
  // Nobody but the checkout wrote in the worktree, so that even its youngest files are what the index says.
  const { same } = await findUnconverted(git, place, { index, younger: Number.POSITIVE_INFINITY, signal });
  const trusted = new Set(same);
  const entries = index.entries.map((entry) => ({
    ...entry,
    status: trusted.has(entry) ? entry.status : null,
    assumeUnchanged: false,
    skipWorktree: false,
  }));
  return indexBytes(entries, place.store.format);
}

/** An earlier run that was cut off may have closed folders already. */
function openFolders(dir: string, { modes }: WorktreeFacts): void {
  const isFolder = folderTest(dir);
  for (const [path] of [...modes.others].sort(([one], [other]) => (one < other ? -1 : 1))) {
    if (isFolder(path)) changeMode(onDisk(dir, path), 0o755);
  }
}

function makeFolders(dir: string, folders: readonly BytePath[]): void {
  const isFolder = folderTest(dir);
  for (const folder of [...folders].sort()) {
    if (isFolder(folderOf(folder)) && lookAt(dir, folder) === 'gone') makeFolder(onDisk(dir, folder));
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
    if ((look.mode & PERMISSIONS) !== wanted) changeMode(onDisk(dir, path), wanted);
  }
}
