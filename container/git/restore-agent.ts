import type { WorktreePlan } from '../../src/contract/control.ts';
import { RelightError } from '../../src/contract/errors.ts';
import type { ErrorCode } from '../../src/contract/errors.ts';
import type { AgentReport } from '../../src/contract/recovery.ts';
import { wipOwnerOf } from '../../src/contract/snapshot-refs.ts';
import { errorFacts, log } from '../log.ts';
import type { BranchPlan } from './arrange-branch.ts';
import { findCheckpointCommit } from './checkpoint-commit.ts';
import { discardWorktree } from './discard-worktree.ts';
import { asRelightError, faultFrom } from './errors.ts';
import { countTracked } from './count-tracked.ts';
import { fillWorktree } from './fill-worktree.ts';
import { inspectWorktree, unfinishedOperation } from './inspect-worktree.ts';
import type { WorktreeState } from './inspect-worktree.ts';
import { worktreeDir } from './layout.ts';
import type { RunningPhase } from './phases.ts';
import { awaitHistory, placeWorktree } from './place-worktree.ts';
import type { ReadyWorktree } from './place-worktree.ts';
import type { RigRestore } from './restore-context.ts';
import { inCheckoutPool } from './turns.ts';
import { endMaking, isSetupOwed, markSetup, writeReadyMark } from './worktree-marks.ts';
import { adminNamedBy } from './worktree-registry.ts';

/** Failures after which the disk may have no room left: git does not always say why it could not write. */
const MAY_BE_FULL = new Set<ErrorCode>(['disk_full', 'git_failed']);

/** One agent's part of a restore; `report` is filled in as far as it gets. */
interface AgentRestore {
  readonly restore: RigRestore;
  readonly plan: WorktreePlan;
  readonly dir: string;
  readonly found: WorktreeState | RelightError;
  readonly report: AgentReport;
}

/**
 * Brings one agent's worktree back; `found` is what is in its place. A failure is the fault of the report, never an
 * exception.
 */
export async function restoreAgent(
  restore: RigRestore,
  plan: WorktreePlan,
  found: AgentRestore['found'],
): Promise<AgentReport> {
  const { agent, bead, branch } = plan;
  const dir = worktreeDir(restore.git.workspace, restore.rig, agent);
  const report: AgentReport = {
    agent,
    bead,
    branch,
    head: null,
    from: 'remote',
    snapshot: 'none',
    files: 0,
    lost: [],
    warnings: [],
    fault: null,
  };
  const own: AgentRestore = { restore, plan, dir, found, report };
  try {
    const name = { name: 'worktree', agent, work: 'git' } as const;
    const outcome = (): string => `${report.from} ${report.head ?? 'without commits'}`;
    await restore.phases.measure(name, async (phase) => bringBack(own, phase), outcome);
    await setUp(own);
  } catch (error) {
    report.fault = faultFrom(error);
    if (MAY_BE_FULL.has(report.fault.code)) await makeRoom(own);
  }
  restore.hooks.onAgent(report);
  return report;
}

async function bringBack(own: AgentRestore, phase: RunningPhase): Promise<void> {
  const { restore, plan, dir, found, report } = own;
  const placed = await restore.addInTurn(async () => {
    phase.restart();
    if (found instanceof RelightError) throw found;
    return placeWorktree(restore, plan, { dir, found });
  });
  report.warnings.push(...placed.warnings);
  if (placed.kind === 'kept') await describeKept(own, placed.ready);
  else await finishNew(own, placed.branch).finally(placed.release);
  if (restore.remote instanceof RelightError) return;
  const commit = await findCheckpointCommit(restore, {
    agent: plan.agent,
    commit: plan.checkpointHead,
    head: report.head,
    kept: placed.kind === 'kept',
  });
  report.lost.push(...commit.lost);
  report.warnings.push(...commit.warnings);
}

/** Takes a half-made worktree off a full disk; who works there needs the room. What cannot be removed now is later. */
async function makeRoom({ restore, plan, dir }: AgentRestore): Promise<void> {
  const { git, repo } = restore;
  const { agent } = plan;
  try {
    await restore.addInTurn(async () => {
      const { state } = await inspectWorktree(git, repo, { agent, dir });
      if (state === 'half-made') await discardWorktree(repo, { agent, dir, admin: null });
    });
  } catch (error) {
    log.warn('worktree.half-made-stays', { rig: restore.rig, agent, ...errorFacts(error) });
  }
}

async function describeKept(
  { restore, plan, dir, report }: AgentRestore,
  ready: ReadyWorktree,
): Promise<void> {
  report.from = 'kept';
  report.snapshot = 'kept';
  report.head = ready.head;
  report.files = await countTracked(restore.git, dir, ready.admin);
  const operation = unfinishedOperation(ready.admin);
  if (operation !== null) report.warnings.push(`${operation} is unfinished in it and was left as it was`);
  else if (ready.branch !== plan.branch) {
    report.warnings.push(`it has ${ready.branch ?? 'a detached HEAD'} checked out, not ${plan.branch}`);
  }
}

async function finishNew(own: AgentRestore, branch: BranchPlan): Promise<void> {
  const { restore, plan, dir, report } = own;
  const { git, repo, access, request } = restore;
  report.from = branch.from;
  const { commit } = branch;
  if (commit !== null) {
    const filled = await inCheckoutPool(request.files, async () =>
      fillWorktree(git, dir, { commit, sparse: request.sparse, command: access }),
    );
    report.head = commit;
    report.files = filled.files;
    report.warnings.push(...filled.warnings);
  }
  await awaitHistory(restore, plan);
  // Before the mark: until then the worktree may be thrown away and redone.
  await putSnapshotBack(own);
  const admin = await adminNamedBy(repo, dir);
  if (admin === null) throw new RelightError('git_failed', 'git made a worktree outside the repository');
  if (request.setupCommand !== null) markSetup(admin, 'owed');
  writeReadyMark(admin, { branch: plan.branch, bead: plan.bead, baseBranch: plan.baseBranch });
  endMaking(repo, plan.agent);
}

async function putSnapshotBack({ restore, plan, dir, report }: AgentRestore): Promise<void> {
  const { hooks, phases, remote, allAdded } = restore;
  if (hooks.putBack === undefined || remote instanceof RelightError) return;
  const { heads, snapshots: stored } = remote.refs;
  const owners = [...stored.keys()].map(wipOwnerOf);
  const mayBeThere = owners.some((owner) => owner?.agent === plan.agent);
  if (plan.snapshot === null && plan.pinned.length === 0 && !mayBeThere) return;
  const remoteTip = heads.get(plan.branch) ?? null;
  await allAdded;
  const name = { name: 'snapshot', agent: plan.agent, work: 'git' } as const;
  const put = await phases.measure(
    name,
    async () => hooks.putBack?.(plan, { dir, remoteTip, stored }),
    (done) => done?.outcome ?? 'none',
  );
  if (put == null) return;
  report.snapshot = put.outcome;
  report.warnings.push(...put.warnings);
  report.lost.push(...put.lost);
  if (put.outcome !== 'restored') return;
  report.head = put.head;
  report.files = put.files;
}

/** Runs the rig's setup command where it has not succeeded yet: in a new worktree, or again after a failure. */
async function setUp({ restore, plan, dir }: AgentRestore): Promise<void> {
  const { repo, hooks, phases, request } = restore;
  const admin = await adminNamedBy(repo, dir);
  if (request.setupCommand === null || admin === null || !isSetupOwed(admin)) return;
  const name = { name: 'setup', agent: plan.agent, work: 'setup' } as const;
  await phases.measure(
    name,
    async () => {
      try {
        await hooks.runSetup?.(plan.agent, dir);
      } catch (error) {
        throw new RelightError('setup_failed', asRelightError(error).message, { cause: error });
      }
    },
    () => 'done',
  );
  markSetup(admin, 'done');
}
