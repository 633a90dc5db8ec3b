import { basename } from 'node:path';
import type { WorktreePlan } from '../../src/contract/control.ts';
import { RelightError } from '../../src/contract/errors.ts';
import type { Release } from '../disk/room.ts';
import { addWorktree } from './add-worktree.ts';
import type { BranchPlan } from './arrange-branch.ts';
import { inspectWorktree, isDisposable } from './inspect-worktree.ts';
import type { WorktreeState } from './inspect-worktree.ts';
import { checkoutSize } from './checkout-size.ts';
import { discardWorktree } from './discard-worktree.ts';
import { moveAside } from './move-worktree.ts';
import type { FetchedRemote, RigRestore } from './restore-context.ts';
import { planStart } from './start-point.ts';
import type { StartPoint } from './start-point.ts';
import { endMaking } from './worktree-marks.ts';

/** A worktree that is finished and holds whatever its agent left in it. */
export type ReadyWorktree = Extract<WorktreeState, { state: 'ready' }>;

/** A worktree in its place: one that is kept as it is, or a new one whose files are still to be checked out. */
export type Placed = { readonly warnings: string[] } & (
  | { readonly kind: 'kept'; readonly ready: ReadyWorktree }
  | { readonly kind: 'empty'; readonly branch: BranchPlan; readonly release: Release }
);

/**
 * Gets an agent's worktree into its place, where something was `found`. One that was made for the planned branch is left
 * alone, whatever is in it; one of another bead is removed if all of it is on the remote, else moved aside. Throws the
 * agent's fault.
 */
export async function placeWorktree(
  restore: RigRestore,
  plan: WorktreePlan,
  { dir, found }: { dir: string; found: WorktreeState },
): Promise<Placed> {
  const { repo } = restore;
  if (found.state === 'ready' && isFor(found, plan.branch)) {
    endMaking(repo, plan.agent);
    return { kind: 'kept', ready: found, warnings: [] };
  }
  const start = startOf(restore, plan);
  const release = await claimRoom(restore, start);
  try {
    return await replace(restore, plan, { dir, found, start, release });
  } catch (error) {
    release();
    throw error;
  }
}

async function replace(
  restore: RigRestore,
  plan: WorktreePlan,
  { dir, found, start, release }: { dir: string; found: WorktreeState; start: StartPoint; release: Release },
): Promise<Placed> {
  const { git, repo } = restore;
  const warnings = await clearPlace(restore, found, { agent: plan.agent, dir });
  const added = await addWorktree(restore, plan, { dir, start });
  if (added.kind === 'empty') {
    return {
      kind: 'empty',
      branch: added.branch,
      release,
      warnings: [...warnings, ...added.branch.warnings],
    };
  }
  release();
  const back = await inspectWorktree(git, repo, { agent: plan.agent, dir });
  if (back.state !== 'ready') throw new RelightError('git_failed', 'a worktree moved back cannot be read');
  return {
    kind: 'kept',
    ready: back,
    warnings: [...warnings, 'it was moved back from where it had been left'],
  };
}

/** Before anything is made, so that a full disk stops neither the agents that work nor their snapshots. */
async function claimRoom({ git, repo, access, hooks }: RigRestore, start: StartPoint): Promise<Release> {
  const claimed = await hooks.room?.claim('a worktree', async () =>
    start.from === 'empty' ? { bytes: 0, inodes: 0 } : await checkoutSize(git, repo, start.commit, access),
  );
  return claimed ?? (() => undefined);
}

function isFor(ready: ReadyWorktree, branch: string): boolean {
  return (ready.madeFor ?? ready.branch ?? branch) === branch;
}

/** Decided before anything is moved, so that an agent that cannot be restored keeps what it has in place. */
function startOf(restore: RigRestore, plan: WorktreePlan): StartPoint {
  const start = planStart(plan, restore.request.defaultBranch, remoteOf(restore).refs);
  throwIfFailed(restore, plan, start);
  return start;
}

/** Waits until the history of a worktree is here. Throws why it is not. */
export async function awaitHistory(restore: RigRestore, plan: WorktreePlan): Promise<void> {
  const { refs, arrival } = remoteOf(restore);
  await arrival;
  throwIfFailed(restore, plan, planStart(plan, restore.request.defaultBranch, refs));
}

function throwIfFailed(restore: RigRestore, plan: WorktreePlan, start: StartPoint): void {
  const failure = remoteOf(restore).failures.get(start.from === 'base' ? start.base : plan.branch);
  if (failure !== undefined) throw failure;
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
  }
  await discardWorktree(repo, { agent, dir, admin: found.state === 'ready' ? found.admin : null });
  return [];
}
