import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from './run-git.ts';
import { isAbsence } from './worktree-marks.ts';
import { namesIn } from './worktree-registry.ts';

/** The signature, the version and the number of entries (https://git-scm.com/docs/index-format). */
const HEADER_BYTES = 12;

/** How many files the index of a worktree holds; git is asked only where the index is in two parts. */
export async function countTracked(git: Git, dir: string, admin: string): Promise<number> {
  if ((await namesIn(admin)).some((name) => name.startsWith('sharedindex.'))) {
    return (await git.run(dir, ['ls-files', '-z'])).split('\0').length - 1;
  }
  try {
    await using file = await open(join(admin, 'index'));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES));
    return bytesRead === HEADER_BYTES ? buffer.readUInt32BE(8) : 0;
  } catch (error) {
    if (isAbsence(error)) return 0;
    throw error;
  }
}
