import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { removeTree } from '../files/write.ts';
import { isAbsence, readIfThere } from './worktree-marks.ts';

/**
 * One admin folder `repo.git/worktrees/<id>` (https://git-scm.com/docs/gitrepository-layout). `worktree` is the
 * folder it belongs to, null when the making of it was cut off before that was written.
 */
export interface Registration {
  readonly admin: string;
  readonly worktree: string | null;
}

/** The names in a folder; none when there is no such folder. */
export async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

/** All worktrees that a bare repository knows. */
export async function registrations(repo: string): Promise<Registration[]> {
  const folder = join(repo, 'worktrees');
  return Promise.all(
    (await namesIn(folder)).map(async (id) => {
      const admin = join(folder, id);
      const gitFile = readIfThere(join(admin, 'gitdir'))?.trim() ?? '';
      return { admin, worktree: gitFile === '' ? null : dirname(resolve(admin, gitFile)) };
    }),
  );
}

/** The admin folder that the `.git` file of a worktree names, when it is one of this repository; else null. */
export async function adminNamedBy(repo: string, dir: string): Promise<string | null> {
  const text = readIfThere(join(dir, '.git'));
  const named = /^gitdir: (.+)$/m.exec(text ?? '')?.[1];
  if (named === undefined) return null;
  const admin = join(repo, 'worktrees', basename(named));
  return (await samePath(resolve(dir, named), admin)) ? admin : null;
}

/** Whether a registered worktree is among those of the rig: agents can write anything into its registration. */
export function isAmongAgents(repo: string, worktree: string): boolean {
  return dirname(worktree) === join(dirname(repo), 'agents');
}

/** Whether two paths lead to the same existing place. */
export async function samePath(one: string, other: string): Promise<boolean> {
  try {
    return (await realpath(one)) === (await realpath(other));
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

/** Removes a worktree's folder and all that the repository knows of it; its branch stays. */
export async function removeWorktree(repo: string, dir: string): Promise<void> {
  const named = await adminNamedBy(repo, dir);
  const known = (await registrations(repo)).filter(({ worktree }) => worktree === dir);
  const admins = new Set(known.map(({ admin }) => admin));
  if (named !== null) admins.add(named);
  await removeTree(dir);
  for (const admin of admins) await removeTree(admin);
}
