import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/** Runs in a folder of its own, in memory where there is that: a disk's own moods are greater than what is measured. */
export async function inFolder(work: (dir: string) => Promise<void>): Promise<void> {
  const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  process.env['TMPDIR'] = memory;
  const dir = await mkdtemp(join(memory, 'relight-bench-'));
  try {
    await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Runs in a new folder that is gone afterwards. */
export async function inNew<Result>(dir: string, work: (dir: string) => Promise<Result>): Promise<Result> {
  await mkdir(dir);
  try {
    return await work(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}
