import { closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import type { Stats } from 'node:fs';

/**
 * Whether paths have to be proved. Only root gets behind a symbolic link of somebody who may not go there, and agents
 * have users of their own only on Linux.
 */
export const GUARDED = process.platform === 'linux' && process.geteuid?.() === 0;

/** A folder held open: what is done in it by name is done in it, whatever becomes of its own name meanwhile. */
export interface HeldFolder {
  /** The folder itself. */
  readonly path: string | Buffer;
  readonly stats: Stats;
  /** The place of a name in the folder. */
  at(name: string | Buffer): string | Buffer;
}

/**
 * Opens a path that no part of may be a symbolic link, and never waits for a FIFO. Throws the system's error; `ELOOP`
 * stands for a link anywhere in the path, as it does in open(2) for one at its end.
 */
export function openPlain(path: string | Buffer, flags: number): number {
  const fd = openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if (!GUARDED) return fd;
  try {
    // proc_pid_fd(5): the path that the open file has now; one that was replaced since is marked as deleted.
    const real = readlinkSync(placeOf(fd), { encoding: 'buffer' });
    const wanted = Buffer.from(path);
    if (real.equals(wanted) || real.equals(Buffer.concat([wanted, Buffer.from(' (deleted)')]))) return fd;
    throw Object.assign(new Error(`ELOOP: ${wanted.toString()} leads through a symbolic link`), {
      code: 'ELOOP',
    });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Does something in a folder that no symbolic link leads to. Throws as {@link openPlain} does. */
export function inFolder<Result>(folder: string | Buffer, work: (held: HeldFolder) => Result): Result {
  const fd = openPlain(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const path = GUARDED ? placeOf(fd) : folder;
    return work({ path, stats: fstatSync(fd), at: (name) => join(path, name) });
  } finally {
    closeSync(fd);
  }
}

/** Does something at a path, the folder of which is held meanwhile. */
export function inFolderOf<Result>(
  path: string | Buffer,
  work: (place: string | Buffer, folder: HeldFolder) => Result,
): Result {
  const bytes = Buffer.from(path);
  const end = bytes.lastIndexOf('/');
  return inFolder(bytes.subarray(0, end), (held) => work(held.at(bytes.subarray(end + 1)), held));
}

function placeOf(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

function join(folder: string | Buffer, name: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(folder), Buffer.from('/'), Buffer.from(name)]);
}
