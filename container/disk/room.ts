import { statfs } from 'node:fs/promises';
import type { DiskSpace } from '../../src/contract/disk.ts';
import { RelightError } from '../../src/contract/errors.ts';

/** So much of a disk is kept free for what agents, their snapshots and git write while they work … */
const KEPT_SHARE = 0.05;

/** … and no more than this of a large one, in bytes. */
const KEPT_MAX_BYTES = 1024 ** 3;

/** So many files can still be made by those who work. */
const KEPT_INODES = 2_000;

/** With this much more than that nobody asks how large a worktree will be. */
const PLENTY_BYTES = 4 * 1024 ** 3;
const PLENTY_INODES = 1_000_000;

/** What something new takes of the disk, as far as that is known. */
export interface Need {
  readonly bytes: number;
  readonly inodes: number;
}

/** Takes what was claimed back: it is written, and counts as used, or it never will be. */
export type Release = () => void;

const NOTHING: Need = { bytes: 0, inodes: 0 };

/** The room on the disk of the workspace, shared by all who make something large. */
export class Room {
  readonly #measure: () => Promise<DiskSpace>;
  #claimed = NOTHING;

  constructor(measure: () => Promise<DiskSpace>) {
    this.#measure = measure;
  }

  /** How much the disk has and has left. */
  look(): Promise<DiskSpace> {
    return this.#measure();
  }

  /**
   * Claims room for something new; `estimate` gives what it needs where that can be known, and is asked only where it
   * matters. Throws a RelightError `disk_full` with the figures while there is still room for those who work already.
   */
  async claim(what: string, estimate?: () => Promise<Need>): Promise<Release> {
    const { freeBytes, totalBytes, freeInodes } = await this.#measure();
    const keptBytes = Math.min(KEPT_MAX_BYTES, totalBytes * KEPT_SHARE);
    const bytes = freeBytes - this.#claimed.bytes - keptBytes;
    const inodes = (freeInodes ?? Infinity) - this.#claimed.inodes - KEPT_INODES;
    const isPlenty = bytes >= PLENTY_BYTES && inodes >= PLENTY_INODES;
    const need = isPlenty || estimate === undefined ? NOTHING : await estimate();
    if (bytes < need.bytes) {
      const free = `${megabytes(freeBytes)} of ${megabytes(totalBytes)} are free`;
      const claimed = this.#claimed.bytes;
      throw refusal(what, { needed: need.bytes, free, claimed, kept: keptBytes, unit: megabytes });
    }
    if (inodes < need.inodes) {
      const free = `${files(freeInodes ?? 0)} can be made`;
      const claimed = this.#claimed.inodes;
      throw refusal(what, { needed: need.inodes, free, claimed, kept: KEPT_INODES, unit: files });
    }
    this.#claim(need, 1);
    let held = true;
    return () => {
      if (held) this.#claim(need, -1);
      held = false;
    };
  }

  #claim({ bytes, inodes }: Need, sign: 1 | -1): void {
    this.#claimed = {
      bytes: this.#claimed.bytes + sign * bytes,
      inodes: this.#claimed.inodes + sign * inodes,
    };
  }
}

/**
 * Measures the file system that a folder is on, as far as this process may fill it (statvfs(3), `f_bavail`, `f_ffree`). Some
 * file systems, such as btrfs, make inodes as they are needed and say that they have none at all: how many there are is
 * unknown then.
 */
export async function measureDisk(folder: string): Promise<DiskSpace> {
  const { bsize, bavail, blocks, files: inodes, ffree } = await statfs(folder);
  return {
    freeBytes: bavail * bsize,
    totalBytes: blocks * bsize,
    freeInodes: inodes === 0 ? null : ffree,
  };
}

/** What there is too little of: bytes or files, and how a number of them is said. */
interface Shortage {
  readonly needed: number;
  readonly free: string;
  readonly claimed: number;
  readonly kept: number;
  readonly unit: (count: number) => string;
}

function refusal(what: string, { needed, free, claimed, kept, unit }: Shortage): RelightError {
  const size = needed === 0 ? '' : ` of ${unit(needed)}`;
  const spokenFor = claimed === 0 ? '' : `, ${unit(claimed)} are spoken for`;
  return new RelightError(
    'disk_full',
    `no room for ${what}${size}: ${free}${spokenFor}, ${unit(kept)} stay free`,
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function files(count: number): string {
  return `${String(count)} files`;
}
