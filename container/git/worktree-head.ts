import { realpath } from 'node:fs/promises';
import { RelightError } from '../../src/contract/errors.ts';
import { askGit } from './run-git.ts';
import type { Git } from './run-git.ts';
import { samePath } from './worktree-registry.ts';

/** Throws a RelightError `git_failed` unless `dir` is the root of a worktree that git can read. */
export async function proveWorktree(git: Git, dir: string): Promise<void> {
  const top = (await git.run(dir, ['rev-parse', '--show-toplevel'])).trimEnd();
  const [found, wanted] = await Promise.all([realpath(top), realpath(dir)]);
  if (found !== wanted) throw new RelightError('git_failed', `${dir} is not the root of a worktree`);
}

/**
 * The commit that a worktree stands on; null on a branch without commits. Throws when the folder is no worktree or
 * its HEAD cannot be read.
 */
export async function headOf(git: Git, dir: string): Promise<string | null> {
  await proveWorktree(git, dir);
  const commit = await askGit(git, dir, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']);
  if (commit !== null) return commit;
  const branch = await askGit(git, dir, ['symbolic-ref', '--quiet', 'HEAD']);
  if (branch === null) throw new RelightError('git_failed', `the HEAD of ${dir} names no commit`);
  const tip = await askGit(git, dir, ['rev-parse', '--verify', '--quiet', branch]);
  if (tip === null) return null;
  throw new RelightError('git_failed', `${branch} names ${tip}, which is not a commit here`);
}

/** The commit and the branch that a worktree stands on; null for a branch without commits, or a detached HEAD. */
export interface Standing {
  readonly head: string | null;
  readonly branch: string | null;
}

/** Where a worktree stands, with one question to git in the usual case. Throws as {@link headOf} does. */
export async function standingOf(git: Git, dir: string): Promise<Standing> {
  const questions = ['--show-toplevel', 'HEAD^{commit}', '--symbolic-full-name', 'HEAD'];
  const answer = await git.run(dir, ['rev-parse', ...questions]).catch(() => '');
  const [top, head, ref] = answer.split('\n');
  if (top !== undefined && head !== undefined && ref !== undefined && (await samePath(top, dir))) {
    return { head, branch: branchOf(ref === 'HEAD' ? null : ref) };
  }
  // One that is unborn, or damaged: what exactly is asked for step by step.
  const commit = await headOf(git, dir);
  return { head: commit, branch: branchOf(await askGit(git, dir, ['symbolic-ref', '--quiet', 'HEAD'])) };
}

function branchOf(ref: string | null): string | null {
  return ref?.replace(/^refs\/heads\//, '') ?? null;
}
