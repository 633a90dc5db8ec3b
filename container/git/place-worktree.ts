import { basename } from 'node:path';
import type { WorktreePlan } from '../../src/contract/control.ts';
import { RelightError } from '../../src/contract/errors.ts';
import { addWorktree } from './add-worktree.ts';
import type { BranchPlan } from './arrange-branch.ts';
import { inspectWorktree, isDisposable } from './inspect-worktree.ts';
import type { WorktreeState } from './inspect-worktree.ts';
import { waitUntilQuiet } from './live-git.ts';
import { moveAside } from './move-worktree.ts';
import type { FetchedRemote, RigRestore } from './restore-context.ts';
import { planStart } from './start-point.ts';
import type { StartPoint } from './start-point.ts';
import { beginMaking, endMaking, removeReadyMark } from './worktree-marks.ts';
import { removeWorktree } from './worktree-registry.ts';

/** A worktree that is finished and holds whatever its agent left in it. */
export type ReadyWorktree = Extract<WorktreeState, { state: 'ready' }>;

/** A worktree in its place: one that is kept as it is, or a new one whose files are still to be checked out. */
export type Placed = { readonly warnings: string[] } & (
  | { readonly kind: 'kept'; readonly ready: ReadyWorktree }
  | { readonly kind: 'empty'; readonly branch: BranchPlan }
);

/**
 * Gets an agent's worktree into its place. One that was made for the planned branch is left alone, whatever is in it;
 * one of another bead is removed if all of it is on the remote, else moved aside. Throws the agent's fault.
 */
export async function placeWorktree(restore: RigRestore, plan: WorktreePlan, dir: string): Promise<Placed> {
  const { git, repo } = restore;
  const found = await inspectWorktree(git, repo, { agent: plan.agent, dir });
  if (found.state === 'ready' && isFor(found, plan.branch)) {
    endMaking(repo, plan.agent);
    return { kind: 'kept', ready: found, warnings: [] };
  }
  const start = startOf(restore, plan);
  const warnings = await clearPlace(restore, found, { agent: plan.agent, dir });
  const added = await addWorktree(restore, plan, { dir, start });
  if (added.kind === 'empty') {
    return { kind: 'empty', branch: added.branch, warnings: [...warnings, ...added.branch.warnings] };
  }
  const back = await inspectWorktree(git, repo, { agent: plan.agent, dir });
  if (back.state !== 'ready') throw new RelightError('git_failed', 'a worktree moved back cannot be read');
  return {
    kind: 'kept',
    ready: back,
    warnings: [...warnings, 'it was moved back from where it had been left'],
  };
}

function isFor(ready: ReadyWorktree, branch: string): boolean {
  return (ready.madeFor ?? ready.branch ?? branch) === branch;
}

/** Decided before anything is moved, so that an agent that cannot be restored keeps what it has in place. */
function startOf(restore: RigRestore, plan: WorktreePlan): StartPoint {
  const { refs, failures } = remoteOf(restore);
  const start = planStart(plan, restore.request.defaultBranch, refs);
  const source = start.from === 'base' ? start.base : plan.branch;
  const failure = failures.get(source);
  if (failure !== undefined) throw failure;
  return start;
}

function remoteOf({ remote }: RigRestore): FetchedRemote {
  if (remote instanceof RelightError) throw remote;
  return remote;
}

async function clearPlace(
  { git, repo }: RigRestore,
  found: WorktreeState,
  { agent, dir }: { agent: string; dir: string },
): Promise<string[]> {
  if (found.state === 'absent') return [];
  if (found.state === 'unknown') {
    const aside = await moveAside(repo, dir, 'found');
    return [`what was in its place is now in ${basename(aside)}: ${found.why}`];
  }
  if (found.state === 'ready') {
    if (!(await isDisposable(git, dir, found.admin))) {
      const aside = await moveAside(repo, dir, 'left');
      const branch = found.branch ?? 'a detached HEAD';
      return [
        `its earlier worktree on ${branch} holds work that is not on the remote; it is now ${basename(aside)}`,
      ];
    }
    // Noted first: a removal that is cut off leaves something that only looks like changed files.
    beginMaking(repo, agent);
    removeReadyMark(found.admin);
  }
  await waitUntilQuiet(dir);
  await removeWorktree(repo, dir);
  endMaking(repo, agent);
  return [];
}
