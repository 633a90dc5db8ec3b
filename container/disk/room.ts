import { statfs } from 'node:fs/promises';
import type { DiskSpace } from '../../src/contract/control.ts';
import { RelightError } from '../../src/contract/errors.ts';

/** So much of a disk is kept free for what agents, their snapshots and git write while they work … */
const KEPT_SHARE = 0.05;

/** … and no more than this of a large one, in bytes. */
const KEPT_MAX_BYTES = 1024 ** 3;

/** With this much more than that nobody asks how large a worktree will be. */
const PLENTY_BYTES = 4 * 1024 ** 3;

/** Takes what was claimed back: it is written, and counts as used, or it never will be. */
export type Release = () => void;

/** The room on the disk of the workspace, shared by all who make something large. */
export class Room {
  readonly #measure: () => Promise<DiskSpace>;
  #claimedBytes = 0;

  constructor(measure: () => Promise<DiskSpace>) {
    this.#measure = measure;
  }

  /** How much the disk has and has left. */
  look(): Promise<DiskSpace> {
    return this.#measure();
  }

  /**
   * Claims room for something new; `estimate` gives its bytes where that can be known, and is asked only where it matters.
   * Throws a RelightError `disk_full` with the figures while there is still room for those who work already.
   */
  async claim(what: string, estimate?: () => Promise<number>): Promise<Release> {
    const { freeBytes, totalBytes } = await this.#measure();
    const keptBytes = Math.min(KEPT_MAX_BYTES, totalBytes * KEPT_SHARE);
    const room = freeBytes - this.#claimedBytes - keptBytes;
    const needed = room >= PLENTY_BYTES || estimate === undefined ? 0 : await estimate();
    if (room < needed) {
      const claimed = this.#claimedBytes === 0 ? '' : `, ${megabytes(this.#claimedBytes)} are spoken for`;
      const figures = `${megabytes(freeBytes)} of ${megabytes(totalBytes)} are free${claimed}, ${megabytes(keptBytes)} stay free`;
      const size = needed === 0 ? '' : ` of ${megabytes(needed)}`;
      throw new RelightError('disk_full', `no room for ${what}${size}: ${figures}`);
    }
    this.#claimedBytes += needed;
    let held = true;
    return () => {
      if (held) this.#claimedBytes -= needed;
      held = false;
    };
  }
}

/** Measures the file system that a folder is on, as far as this process may fill it (statvfs(3), `f_bavail`). */
export async function measureDisk(folder: string): Promise<DiskSpace> {
  const { bsize, bavail, blocks } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
