import { readFileSync, statSync } from 'node:fs';

// Small files are read at once and in place: a look at a worktree reads a dozen of them, and each detour through the
// thread pool takes longer than the call.

/** What changes when a file is written or replaced; `absent` for none. */
export function stampOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? 'absent' : `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
}

/** The bytes of a small file; null where there is none, or a folder. */
export function bytesOf(path: string | Buffer): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return null;
    throw error;
  }
}
