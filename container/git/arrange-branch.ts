import type { WorktreePlan } from '../../src/contract/control.ts';
import type { AgentReport } from '../../src/contract/recovery.ts';
import { keepCommit } from './local-refs.ts';
import type { RigRestore } from './restore-context.ts';
import type { StartPoint } from './start-point.ts';

/** How to get a branch into a new worktree: `use` it as it is, `create` it, or `move` it to `commit`. */
export interface BranchPlan {
  readonly action: 'create' | 'use' | 'move' | 'unborn';
  readonly commit: string | null;
  readonly from: AgentReport['from'];
  readonly warnings: string[];
}

/**
 * Decides what becomes of an agent's branch. One that is here from an earlier life with commits that the remote lacks
 * is used as it is; otherwise it starts where the remote says, and a tip that no longer is on it gets a ref.
 */
export async function arrangeBranch(
  restore: RigRestore,
  plan: WorktreePlan,
  start: StartPoint,
): Promise<BranchPlan> {
  const { git, repo, local } = restore;
  const here = local.get(`refs/heads/${plan.branch}`);
  if (here === undefined) return fresh(plan, start);
  if (start.from !== 'empty' && here === start.commit) return { ...fresh(plan, start), action: 'use' };
  const unpushed = await count(restore, [here, '--not', '--remotes=origin']);
  if (unpushed > 0 || start.from === 'empty') {
    const warning = `${plan.branch} was here with ${unpushed} commit(s) that the remote lacks; they were kept`;
    return { action: 'use', commit: here, from: 'kept', warnings: [warning] };
  }
  const moved = fresh(plan, start);
  if ((await count(restore, [here, `^${start.commit}`])) > 0) {
    const ref = await keepCommit(git, repo, local, { agent: plan.agent, commit: here });
    moved.warnings.push(`${plan.branch} was here at ${here}, which is now kept as ${ref}`);
  }
  return { ...moved, action: 'move' };
}

function fresh(plan: WorktreePlan, start: StartPoint): BranchPlan {
  if (start.from === 'remote')
    return { action: 'create', commit: start.commit, from: 'remote', warnings: [] };
  if (start.from === 'empty') {
    const warning = `the remote has no commits yet: ${plan.branch} starts empty`;
    return { action: 'unborn', commit: null, from: 'base', warnings: [warning] };
  }
  const warning = `the remote has no branch ${plan.branch}: it was started from ${start.base}`;
  return { action: 'create', commit: start.commit, from: 'base', warnings: [warning] };
}

async function count({ git, repo }: RigRestore, range: readonly string[]): Promise<number> {
  return Number(await git.run(repo, ['rev-list', '--count', ...range]));
}
