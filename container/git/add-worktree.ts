import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { RelightError } from '../../src/contract/errors.ts';
import type { WorktreePlan } from '../../src/contract/control.ts';
import { arrangeBranch } from './arrange-branch.ts';
import type { BranchPlan } from './arrange-branch.ts';
import { holderOf, moveBack } from './move-worktree.ts';
import type { RigRestore } from './restore-context.ts';
import type { StartPoint } from './start-point.ts';
import { beginMaking, endMaking } from './worktree-marks.ts';

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
  await beginMaking(repo, plan.agent);
  try {
    await add(restore, plan.branch, { dir, branch });
  } catch (error) {
    if (!existsSync(dir)) await endMaking(repo, plan.agent);
    throw error;
  }
  if (branch.commit !== null) restore.local.set(`refs/heads/${plan.branch}`, branch.commit);
  return { kind: 'empty', branch };
}

/** `--no-track`: the upstream is in the configuration already, where many additions cannot fight for its lock. */
async function add(
  restore: RigRestore,
  name: string,
  { dir, branch }: { dir: string; branch: BranchPlan },
): Promise<void> {
  const { git, repo } = restore;
  const args = ['worktree', 'add', '--no-checkout'];
  if (branch.commit === null) {
    // Git 2.39 cannot add a worktree on an unborn branch; one that stands on a commit of nothing can be pointed there.
    const nothing = await commitOfNothing(restore);
    await git.run(repo, [...args, '--detach', dir, nothing]);
    await git.run(dir, ['symbolic-ref', 'HEAD', `refs/heads/${name}`]);
  } else if (branch.action === 'use') await git.run(repo, [...args, dir, name]);
  else {
    const option = branch.action === 'move' ? '-B' : '-b';
    await git.run(repo, [...args, '--no-track', option, name, dir, branch.commit]);
  }
}

async function commitOfNothing({ git, repo }: RigRestore): Promise<string> {
  const tree = (await git.run(repo, ['hash-object', '-t', 'tree', '-w', '/dev/null'])).trim();
  const identity = ['-c', 'user.name=relight', '-c', 'user.email=relight@localhost'];
  return (await git.run(repo, [...identity, 'commit-tree', tree, '-m', 'nothing'])).trim();
}
