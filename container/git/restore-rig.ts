import pLimit from 'p-limit';
import type { RestoreRequest } from '../../src/contract/control.ts';
import { RelightError } from '../../src/contract/errors.ts';
import type { RigReport } from '../../src/contract/recovery.ts';
import { whyNoPush } from './check-push.ts';
import { errorFacts, log } from '../log.ts';
import { asRelightError, faultFrom } from './errors.ts';
import { fetchRig } from './fetch-rig.ts';
import { healRepository } from './heal.ts';
import { inspectWorktree } from './inspect-worktree.ts';
import type { WorktreeState } from './inspect-worktree.ts';
import { repoDir, worktreeDir } from './layout.ts';
import { Phases } from './phases.ts';
import { restoreAgent } from './restore-agent.ts';
import type { FetchedRemote, RestoreHooks, RigJob, RigRestore } from './restore-context.ts';
import type { Git, GitCommand } from './run-git.ts';
import { inTurn, lookPool } from './turns.ts';

/**
 * Brings back the worktrees of one rig: heals what is there, fetches what is needed, makes what is missing, and leaves
 * alone what is ready. Safe to repeat and to cut off anywhere. Failures are faults of the report, never exceptions;
 * restores of the same rig run one after the other.
 */
export async function restoreRig(
  git: Git,
  rig: string,
  request: RestoreRequest,
  hooks: RestoreHooks,
): Promise<RigReport> {
  const repo = repoDir(git.workspace, rig);
  return inTurn(repo, async () => {
    const phases = new Phases((phase) => hooks.onPhase(phase));
    const { credential, files } = request;
    const access: GitCommand = { credentialsOf: credential ? rig : null, signal: hooks.signal, files };
    const job: RigJob = { git, rig, repo, request, hooks, access, phases };
    const remote = await fetchRig(job).catch(asRelightError);
    const agents = await restoreAgents(job, remote).catch(asRelightError);
    const arrival = remote instanceof RelightError ? remote : await remote.arrival.catch(asRelightError);
    if (arrival instanceof RelightError && arrival.code === 'disk_full') await dropHalfWritten(job);
    const reports = agents instanceof RelightError ? [] : agents;
    const failed = [arrival, agents].find((result) => result instanceof RelightError);
    const fault = failed === undefined ? null : faultFrom(failed);
    return { rig, status: statusOf(fault !== null, reports), fault, phases: phases.ended, agents: reports };
  });
}

/** A fetch that the disk had no room for leaves what it had got of its pack. */
async function dropHalfWritten({ git, rig }: RigJob): Promise<void> {
  try {
    await healRepository(git, rig);
  } catch (error) {
    log.warn('rig.half-written-stays', { rig, ...errorFacts(error) });
  }
}

/** A rig whose remote cannot be asked is `partial` while some of its worktrees are here and ready. */
function statusOf(failed: boolean, agents: RigReport['agents']): RigReport['status'] {
  const good = agents.filter((agent) => agent.fault === null).length;
  if (!failed && good === agents.length) return 'ready';
  return good > 0 || (!failed && agents.length > 0) ? 'partial' : 'failed';
}

async function restoreAgents(
  job: RigJob,
  remote: FetchedRemote | RelightError,
): Promise<RigReport['agents']> {
  const { git, rig, repo } = job;
  const local = remote instanceof RelightError ? new Map<string, string>() : remote.local;
  const plans = [...new Map(job.request.agents.map((plan) => [plan.agent, plan])).values()];
  const found = await Promise.all(
    plans.map(async ({ agent }) => {
      const dir = worktreeDir(git.workspace, rig, agent);
      return lookPool(async () => inspectWorktree(git, repo, { agent, dir })).catch(asRelightError);
    }),
  );
  const addInTurn = pLimit(1);
  const { promise: allAdded, resolve: markAllAdded } = Promise.withResolvers<void>();
  const restore: RigRestore = { ...job, remote, local, addInTurn, allAdded };
  const pushing = found.every(isReady) ? null : whyNoPush(restore);
  const restored = plans.map((plan, n) => restoreAgent(restore, plan, found[n] ?? { state: 'absent' }));
  // The turns were taken in the order of the plans, so this one comes after them all.
  void addInTurn(markAllAdded);
  const reports = await Promise.all(restored);
  const why = await pushing;
  return why === null
    ? reports
    : reports.map((report) => ({ ...report, warnings: [...report.warnings, why] }));
}

function isReady(found: WorktreeState | RelightError): boolean {
  return !(found instanceof RelightError) && found.state === 'ready';
}
