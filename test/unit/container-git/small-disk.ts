import { execFileSync } from 'node:child_process';
import { onTestFinished } from 'vitest';
import type { TestContext } from 'vitest';

/** A disk of a few megabytes in a folder, for one test; `resize` gives it another size. */
export interface SmallDisk {
  resize(megabytes: number): void;
}

/** Mounts a small disk, with so many inodes or (0) any number, on an empty folder until the test ends. Where that is not allowed the test is skipped, and says so. */
export function mountSmallDisk(
  { skip }: TestContext,
  folder: string,
  megabytes: number,
  inodes = 0,
): SmallDisk {
  const mount = (options: string): void => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'relight-test', folder], { stdio: 'pipe' });
  };
  try {
    mount(`size=${megabytes}m,nr_inodes=${inodes}`);
  } catch (error) {
    skip(`this user may not mount a small disk, so only the figures of one are tested: ${String(error)}`);
  }
  onTestFinished(() => void execFileSync('umount', [folder], { stdio: 'pipe' }));
  return { resize: (size) => mount(`remount,size=${size}m`) };
}
