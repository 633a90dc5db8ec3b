import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { RelightError } from '../../src/contract/errors.ts';
import { isErrno } from '../agents/shells.ts';
import { isAbsence } from './worktree-marks.ts';

const QUIET_WAIT_MS = 10_000;

/**
 * Whether a git process works in `dir` or below it; null where the operating system does not tell (no `/proc`). A git
 * process whose folder may not be looked at counts as working there.
 */
export async function liveGitIn(dir: string): Promise<boolean | null> {
  let pids: string[];
  try {
    pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
  const root = await realpath(dir);
  const answers = await Promise.all(pids.map((pid) => isGitIn(join('/proc', pid), root)));
  return answers.includes(true);
}

async function isGitIn(proc: string, root: string): Promise<boolean> {
  try {
    if (!(await readFile(join(proc, 'comm'), 'utf8')).startsWith('git')) return false;
    const cwd = await readlink(join(proc, 'cwd'));
    return cwd === root || cwd.startsWith(root + sep);
  } catch (error) {
    // ESRCH and ENOENT: the process ended meanwhile.
    if (isErrno(error, 'ENOENT', 'ESRCH')) return false;
    return isErrno(error, 'EACCES') ? await isOfGroup(proc, root) : true;
  }
}

/** Without the right to trace others (capabilities(7)) root sees whose a process is, not where it is. */
async function isOfGroup(proc: string, root: string): Promise<boolean> {
  try {
    const group = /^Gid:\t(\d+)/m.exec(await readFile(join(proc, 'status'), 'utf8'));
    return Number(group?.[1]) === (await stat(root)).gid;
  } catch (error) {
    return !isErrno(error, 'ENOENT', 'ESRCH');
  }
}

/** Waits until no git process works in `dir`; throws a RelightError `git_failed` after ten seconds. */
export async function waitUntilQuiet(dir: string): Promise<void> {
  const deadline = performance.now() + QUIET_WAIT_MS;
  while (await liveGitIn(dir)) {
    if (performance.now() > deadline) throw new RelightError('git_failed', `git is still at work in ${dir}`);
    await pause(50);
  }
}
