import { existsSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { RelightError } from '../../src/contract/errors.ts';
import type { WorktreePlan } from '../../src/contract/control.ts';
import { changeMode } from '../files/write.ts';
import { arrangeBranch } from './arrange-branch.ts';
import type { BranchPlan } from './arrange-branch.ts';
import { holderOf, moveBack } from './move-worktree.ts';
import type { RigRestore } from './restore-context.ts';
import type { StartPoint } from './start-point.ts';
import { beginMaking, endMaking } from './worktree-marks.ts';
import { adminNamedBy } from './worktree-registry.ts';

/** An empty worktree on its branch; or `back`, one of this agent that was moved aside and has the branch. */
export type Added = { readonly kind: 'empty'; readonly branch: BranchPlan } | { readonly kind: 'back' };

/**
 * Adds the worktree of an agent, without its files, in a place that is free. Throws a RelightError `git_ref_conflict`
 * when the branch is in use elsewhere or its name is taken.
 */
export async function addWorktree(
  restore: RigRestore,
  plan: WorktreePlan,
  { dir, start }: { dir: string; start: StartPoint },
): Promise<Added> {
  const { repo } = restore;
  const holder = await holderOf(repo, plan.branch, dir);
  if (holder?.worktree) {
    if (basename(holder.worktree).startsWith(`${plan.agent}.left-`)) {
      await moveBack(holder, dir);
      return { kind: 'back' };
    }
    const reason = `${plan.branch} is checked out in the worktree ${basename(holder.worktree)}`;
    throw new RelightError('git_ref_conflict', reason);
  }
  const branch = await arrangeBranch(restore, plan, start);
  beginMaking(repo, plan.agent);
  restore.git.users?.makeWorktree(restore.rig, plan.agent);
  try {
    await add(restore, plan.branch, { dir, branch });
  } catch (error) {
    if (restore.git.users !== null) await rmdir(dir).catch(() => undefined);
    if (!existsSync(dir)) endMaking(repo, plan.agent);
    throw error;
  }
  if (restore.git.users !== null) await shareAdmin(repo, dir);
  if (branch.commit !== null) restore.local.set(`refs/heads/${plan.branch}`, branch.commit);
  return { kind: 'empty', branch };
}

/** For `git gc`: it locks HEAD of every worktree to shorten its reflog, whoever runs it. */
async function shareAdmin(repo: string, dir: string): Promise<void> {
  const admin = await adminNamedBy(repo, dir);
  if (admin !== null) changeMode(admin, 0o2770);
}

/** `--no-track`: the upstream is in the configuration already, where many additions cannot fight for its lock. */
async function add(
  restore: RigRestore,
  name: string,
  { dir, branch }: { dir: string; branch: BranchPlan },
): Promise<void> {
  const { git, repo } = restore;
  // Where the worktree has an owner, its folder is there already, and git runs in it as that user.
  const place = git.users === null ? repo : dir;
  const args = [`--git-dir=${repo}`, 'worktree', 'add', '--no-checkout'];
  if (branch.commit === null) {
    // Git 2.39 cannot add a worktree on an unborn branch; one that stands on a commit of nothing can be pointed there.
    const nothing = await commitOfNothing(restore);
    await git.run(place, [...args, '--detach', dir, nothing]);
    await git.run(dir, ['symbolic-ref', 'HEAD', `refs/heads/${name}`]);
  } else if (branch.action === 'use') await git.run(place, [...args, dir, name]);
  else {
    const option = branch.action === 'move' ? '-B' : '-b';
    await git.run(place, [...args, '--no-track', option, name, dir, branch.commit]);
  }
}

async function commitOfNothing({ git, repo }: RigRestore): Promise<string> {
  const tree = (await git.run(repo, ['hash-object', '-t', 'tree', '-w', '/dev/null'])).trim();
  const identity = ['-c', 'user.name=relight', '-c', 'user.email=relight@localhost'];
  return (await git.run(repo, [...identity, 'commit-tree', tree, '-m', 'nothing'])).trim();
}
