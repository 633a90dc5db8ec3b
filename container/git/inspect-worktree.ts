import { existsSync } from 'node:fs';
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RelightError } from '../../src/contract/errors.ts';
import type { Git } from './run-git.ts';
import { headOf, standingOf } from './worktree-head.ts';
import { isAbsence, isMaking, readReadyMark } from './worktree-marks.ts';
import { adminNamedBy, namesIn, registrations, samePath } from './worktree-registry.ts';

/**
 * What is in the place of an agent's worktree. Only `half-made` may be thrown away: it was noted before it was begun
 * and never finished, so no agent was ever in it. `unknown` may hold work that git cannot show us.
 */
export type WorktreeState =
  | { readonly state: 'absent' }
  | { readonly state: 'half-made' }
  | { readonly state: 'unknown'; readonly why: string }
  | {
      readonly state: 'ready';
      readonly admin: string;
      readonly head: string | null;
      /** What is checked out; null when HEAD is detached. */
      readonly branch: string | null;
      /** The branch and bead that the worktree was made for; null when the mark that says so is damaged. */
      readonly madeFor: string | null;
      readonly bead: string | null;
    };

/** Looks at an agent's worktree without changing it. */
export async function inspectWorktree(
  git: Git,
  repo: string,
  { agent, dir }: { agent: string; dir: string },
): Promise<WorktreeState> {
  const kind = await kindOf(dir);
  if (kind === 'absent') return { state: 'absent' };
  if (kind === 'other') return { state: 'unknown', why: 'it is not a folder' };
  const admin = await adminNamedBy(repo, dir);
  const known = admin === null ? [] : await registrations(repo);
  const registered = known.find((entry) => entry.admin === admin)?.worktree ?? null;
  const ours = registered !== null && (await samePath(registered, dir));
  const mark = ours && admin !== null ? readReadyMark(admin) : null;
  if (mark === null || admin === null) {
    const disposable = isMaking(repo, agent) || (await namesIn(dir)).length === 0;
    if (disposable) return { state: 'half-made' };
    return { state: 'unknown', why: ours ? 'it was not made by Relight' : 'it is no worktree of this rig' };
  }
  try {
    const { head, branch } = await standingOf(git, dir);
    const [madeFor, bead] = mark === 'unreadable' ? [null, null] : [mark.branch, mark.bead];
    return { state: 'ready', admin, head, branch, madeFor, bead };
  } catch (error) {
    if (!(error instanceof RelightError) || error.code !== 'git_failed') throw error;
    return { state: 'unknown', why: `git cannot read it (${error.message})` };
  }
}

async function kindOf(path: string): Promise<'absent' | 'folder' | 'other'> {
  try {
    return (await lstat(path)).isDirectory() ? 'folder' : 'other';
  } catch (error) {
    if (isAbsence(error)) return 'absent';
    throw error;
  }
}

const OPERATIONS = {
  'rebase-merge': 'a rebase',
  'rebase-apply': 'a rebase',
  MERGE_HEAD: 'a merge',
  CHERRY_PICK_HEAD: 'a cherry-pick',
  REVERT_HEAD: 'a revert',
  BISECT_LOG: 'a bisection',
};

/** The unfinished operation of a worktree, in words; null when there is none. */
export function unfinishedOperation(admin: string): string | null {
  for (const [name, words] of Object.entries(OPERATIONS)) if (existsSync(join(admin, name))) return words;
  return null;
}

/**
 * Whether a worktree can be thrown away without losing anything but ignored files: nothing changed, new, hidden from
 * `git status` or unfinished in it, and its commits are all on the remote.
 */
export async function isDisposable(git: Git, dir: string, admin: string): Promise<boolean> {
  if (unfinishedOperation(admin) !== null || existsSync(join(admin, 'modules'))) return false;
  const look = ['--no-optional-locks', 'status', '--porcelain', '--untracked-files=all'];
  if ((await git.run(dir, [...look, '--ignore-submodules=none'])) !== '') return false;
  // Lower case and S mark files whose changes git was told not to look for (git ls-files -v).
  if (/^[a-zS] /m.test(await git.run(dir, ['ls-files', '-v']))) return false;
  if ((await headOf(git, dir)) === null) return true;
  return (await git.run(dir, ['rev-list', '--count', 'HEAD', '--not', '--remotes=origin'])).trim() === '0';
}

/** What the worktree's files tell without asking git: whether any of them is kept by git-lfs. */
export async function usesLfs(dir: string): Promise<boolean> {
  try {
    return (await readFile(join(dir, '.gitattributes'), 'utf8')).includes('filter=lfs');
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}
