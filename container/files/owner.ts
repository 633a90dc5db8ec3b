import { lstatSync } from 'node:fs';
import { execa } from 'execa';

const isRoot = process.geteuid?.() === 0;

/** A user and a group of the system, by number. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Whom a file or folder belongs to, where this process can act for that user; null where it acts as itself. */
export function ownerOf(path: string): Owner | null {
  return isRoot ? ownerIn(lstatSync(path)) : null;
}

/** The same from what a look at the place saw. */
export function ownerIn({ uid, gid }: Owner): Owner | null {
  return isRoot && uid !== 0 ? { uid, gid } : null;
}

/** Runs a POSIX shell script as a user, with nothing of this process's environment. Throws execa's error. */
export async function runAs({ uid, gid }: Owner, script: string, args: readonly string[]): Promise<void> {
  const env = { PATH: process.env['PATH'] };
  const options = { uid, gid, cwd: '/', env, extendEnv: false, stdin: 'ignore', stdout: 'ignore' } as const;
  await execa('/bin/sh', ['-c', script, 'sh', ...args], options);
}
