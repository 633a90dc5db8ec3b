import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { RelightError } from '../../src/contract/errors.ts';
import { openPlain } from './plain-path.ts';

// Small files are read at once and in place: a look at a worktree reads a dozen of them, and each detour through the
// thread pool takes longer than the call.

/**
 * The bytes of a small file; null where there is none, or something else. Throws a RelightError `git_failed` where a
 * symbolic link is in the path: what lies behind it may be somebody else's.
 */
export function bytesOf(path: string | Buffer): Buffer | null {
  return bytesBy(path, openPlain);
}

/** The same where links are followed: for files of which nothing is kept or shown. */
export function bytesBehind(path: string | Buffer): Buffer | null {
  return bytesBy(path, (each, flags) => openSync(each, flags | constants.O_NONBLOCK));
}

function bytesBy(path: string | Buffer, open: typeof openPlain): Buffer | null {
  let fd: number;
  try {
    fd = open(path, constants.O_RDONLY);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENXIO') return null;
    if (code !== 'ELOOP') throw error;
    throw new RelightError('git_failed', `${path.toString()} leads through a symbolic link`, {
      cause: error,
    });
  }
  try {
    return fstatSync(fd).isFile() ? readFileSync(fd) : null;
  } finally {
    closeSync(fd);
  }
}
