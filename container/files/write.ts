import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RelightError } from '../../src/contract/errors.ts';
import { ownerIn, ownerOf, runAs } from './owner.ts';
import { GUARDED, inFolderOf, openPlain } from './plain-path.ts';

// What the control server writes belongs to whom the folder belongs that it is in, and no symbolic link leads there.

const SET_GROUP_ID = 0o2000;
const PERMISSIONS = 0o7777;

/** Writes a file so that a reader sees the old content or the new one, never a part. */
export function writeWhole(path: string, content: string | Buffer, mode = 0o644): void {
  inFolderOf(path, (place, folder) => {
    const part = Buffer.concat([Buffer.from(place), Buffer.from('.new')]);
    rmSync(part, { force: true });
    writeNew(part, content, { mode, folder: folder.stats });
    renameSync(part, place);
  });
}

/** Writes a file that is not there yet, in a folder that is held. */
export function writeNew(
  place: string | Buffer,
  content: string | Buffer,
  { mode, folder }: { mode: number; folder: Stats },
): void {
  const fd = openSync(place, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
  try {
    give(fd, folder);
    writeFileSync(fd, content);
  } finally {
    closeSync(fd);
  }
}

/** Makes a folder unless it is there, and those above it; in one that its group shares it is shared as well. */
export function makeFolder(path: string | Buffer): void {
  try {
    makeOne(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || typeof path !== 'string' || dirname(path) === path) throw error;
    makeFolder(dirname(path));
    makeFolder(path);
  }
}

function makeOne(path: string | Buffer): void {
  inFolderOf(path, (place, { stats }) => {
    mkdirSync(place);
    const shared = (stats.mode & SET_GROUP_ID) !== 0;
    if (!shared && ownerIn(stats) === null) return;
    const fd = openSync(place, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      give(fd, stats);
      if (shared) fchmodSync(fd, stats.mode & PERMISSIONS);
    } finally {
      closeSync(fd);
    }
  });
}

/** Gives a file or folder another place, as rename(2) does. */
export function move(from: string, to: string): void {
  inFolderOf(from, (old) => inFolderOf(to, (place) => renameSync(old, place)));
}

/** Removes a file, or the link in its place; nothing where there is none. */
export function removeFile(path: string): void {
  try {
    inFolderOf(path, (place) => rmSync(place, { force: true }));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  }
}

/** Removes whatever is there. Throws where nothing is. */
export async function removeAny(path: string): Promise<void> {
  if (lstatSync(path).isDirectory()) await removeTree(path);
  else removeFile(path);
}

/** Sets the permission bits of a file or folder. */
export function changeMode(path: string | Buffer, mode: number): void {
  // Without root's rights a file that is closed to everybody cannot be opened, and need not be.
  if (!GUARDED) return chmodSync(path, mode);
  const fd = openPlain(path, constants.O_RDONLY);
  try {
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}

/** The second is for folders that their user closed. */
const REMOVALS = ['rm -rf -- "$1"', 'chmod -R u+rwX -- "$1"; rm -rf -- "$1"'];

/**
 * Removes a folder and all in it. Where it belongs to a user, that user does it: on the way down into a folder that
 * somebody may be changing, root could be led elsewhere.
 */
export async function removeTree(path: string): Promise<void> {
  for (const removal of REMOVALS) {
    const owner = ownerIfThere(path);
    if (owner === null) return await rm(path, { recursive: true, force: true, maxRetries: 3 });
    // The folder itself may be in one that is not the user's: then it is still there, and empty.
    await runAs(owner, `(${removal}) 2>/dev/null; exit 0`, [path]);
    if (ownerIfThere(path) === null || removeEmpty(path)) return;
  }
  throw new RelightError('git_failed', `${path} holds what its user cannot remove`);
}

/** Whether it was empty, and is gone. */
function removeEmpty(path: string): boolean {
  try {
    inFolderOf(path, (place) => rmdirSync(place));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY') return false;
    throw error;
  }
}

function ownerIfThere(path: string): ReturnType<typeof ownerOf> {
  try {
    return ownerOf(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Gives an open file or folder to the owner of the folder that it is in. */
function give(fd: number, folder: Stats): void {
  const owner = ownerIn(folder);
  if (owner !== null && fstatSync(fd).uid !== owner.uid) fchownSync(fd, owner.uid, owner.gid);
}
