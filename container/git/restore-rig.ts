import { mkdir } from 'node:fs/promises';
import pLimit from 'p-limit';
import type { RestoreRequest } from '../../src/contract/control.ts';
import { RelightError } from '../../src/contract/errors.ts';
import type { RigReport } from '../../src/contract/recovery.ts';
import { ensureBareRepo, removeHalfMade } from './bare-repo.ts';
import { whyNoPush } from './check-push.ts';
import { errorFacts, log } from '../log.ts';
import { asRelightError, faultFrom } from './errors.ts';
import { fetchEach, forgetVanished, isMissingRemoteRef, planFetch } from './fetch-refs.ts';
import { healRepository } from './heal.ts';
import { agentsDir, ownDir, repoDir } from './layout.ts';
import { readLocalRefs } from './local-refs.ts';
import { fetchContents, howToFetch, isPartial } from './partial-clone.ts';
import { Phases } from './phases.ts';
import { listRemoteRefs } from './remote-refs.ts';
import type { RemoteRefs } from './remote-refs.ts';
import { restoreAgent } from './restore-agent.ts';
import type { FetchedRemote, RestoreHooks, RigRestore } from './restore-context.ts';
import type { Git, GitCommand } from './run-git.ts';
import { defaultBranchOf } from './start-point.ts';
import { inTurn } from './turns.ts';

/** How often the remote is asked again when a branch vanishes between the listing and the fetch. */
const LISTINGS = 3;

/** What all steps of one restore share before it is known what the remote has. */
interface Job {
  readonly git: Git;
  readonly rig: string;
  readonly repo: string;
  readonly request: RestoreRequest;
  readonly access: GitCommand;
  readonly phases: Phases;
}

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
    const access: GitCommand = { credentialsOf: request.credential ? rig : null, signal: hooks.signal };
    const job: Job = { git, rig, repo, request, access, phases };
    const remote = await prepareRepository(job, hooks).catch(asRelightError);
    if (remote instanceof RelightError && remote.code === 'disk_full') await dropHalfWritten(job);
    const agents = await restoreAgents(job, remote, hooks).catch(asRelightError);
    const reports = agents instanceof RelightError ? [] : agents;
    const failed = [remote, agents].find((result) => result instanceof RelightError);
    const fault = failed === undefined ? null : faultFrom(failed);
    return { rig, status: statusOf(fault !== null, reports), fault, phases: phases.ended, agents: reports };
  });
}

/** A fetch that the disk had no room for leaves what it had got of its pack. */
async function dropHalfWritten({ git, rig }: Job): Promise<void> {
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

/** The bare repository with everything in it that the agents need. */
async function prepareRepository(job: Job, hooks: RestoreHooks): Promise<FetchedRemote> {
  const { git, rig } = job;
  git.users?.makeRig(rig);
  await mkdir(agentsDir(git.workspace, rig), { recursive: true });
  await mkdir(ownDir(git.workspace, rig), { recursive: true });
  await removeHalfMade(git, rig);
  // Both are waited for, also when one fails: the worktrees that are here are looked at in any case.
  const [listing, healing] = await Promise.allSettled([listRefs(job), healRepository(git, rig)]);
  if (healing.status === 'rejected') throw asRelightError(healing.reason);
  if (listing.status === 'rejected') throw asRelightError(listing.reason);
  let refs = listing.value;
  hooks.onRemote?.(refs);
  for (let listings = 1; ; listings += 1) {
    try {
      return await fetchNeeded(job, refs, hooks);
    } catch (error) {
      if (!isMissingRemoteRef(error) || listings === LISTINGS) throw error;
      refs = await listRefs(job);
    }
  }
}

async function listRefs({ git, rig, request, access, phases }: Job): Promise<RemoteRefs> {
  return phases.measure(
    { name: 'list refs', agent: null, work: 'git' },
    async () =>
      listRemoteRefs(git, rig, request.gitUrl, { credential: request.credential, signal: access.signal }),
    ({ heads, defaultBranch }) => `${heads.size} branches, default ${defaultBranch ?? 'unknown'}`,
  );
}

async function fetchNeeded(job: Job, refs: RemoteRefs, hooks: RestoreHooks): Promise<FetchedRemote> {
  const { git, rig, repo, request, access, phases } = job;
  const bases = [
    defaultBranchOf(request.defaultBranch, refs),
    ...request.agents.map((plan) => plan.baseBranch),
  ];
  const followed = {
    branches: [...new Set(request.agents.map((plan) => plan.branch))].sort(),
    bases: [...new Set(bases.filter((base) => base !== null))].filter((base) => refs.heads.has(base)).sort(),
  };
  const [anyHead] = [...refs.heads.values(), ...refs.snapshots.values()];
  const objectFormat = anyHead?.length === 64 ? 'sha256' : 'sha1';
  return phases.measure(
    { name: 'fetch', agent: null, work: 'git' },
    async () => {
      const plan = { url: request.gitUrl, objectFormat, followed, heads: refs.heads } as const;
      const isNew = await ensureBareRepo(git, rig, plan);
      const before = isNew ? new Map<string, string>() : await readLocalRefs(git, repo, access);
      const needed = new Set(
        [...followed.bases, ...followed.branches].filter((name) => refs.heads.has(name)),
      );
      const { missing, vanished } = planFetch(needed, refs, before);
      await forgetVanished(git, repo, vanished);
      // How much will come is not known before it is here.
      if (missing.length > 0) (await hooks.room?.claim('a fetch'))?.();
      const extra = isNew ? howToFetch(request) : [];
      const failures = await fetchEach(git, repo, missing, { ...access, extra });
      const [first] = failures.values();
      if (first !== undefined && failures.size === needed.size) throw first;
      if (isPartial(repo)) await fetchTogether(job, startsOf(request, refs));
      const unchanged = missing.length + vanished.length === 0;
      return { refs, failures, local: unchanged ? before : await readLocalRefs(git, repo, access) };
    },
    ({ failures }) => (failures.size === 0 ? 'done' : `failed for ${[...failures.keys()].join(', ')}`),
  );
}

/** Brings what the checkouts need. What cannot be had so, because of one of them, each asks for by itself. */
async function fetchTogether(
  { git, rig, repo, request, access }: Job,
  starts: readonly string[],
): Promise<void> {
  // A sparse worktree needs less than its commit has.
  if (request.sparse.length > 0) return;
  try {
    await fetchContents(git, repo, starts, access);
  } catch (error) {
    access.signal?.throwIfAborted();
    log.warn('contents.not-fetched', { rig, ...errorFacts(error) });
  }
}

/** The commits that new worktrees start from. */
function startsOf({ agents, defaultBranch }: RestoreRequest, refs: RemoteRefs): string[] {
  return agents.flatMap(({ branch, baseBranch }) => {
    const base = baseBranch ?? defaultBranchOf(defaultBranch, refs);
    const start = refs.heads.get(branch) ?? (base === null ? undefined : refs.heads.get(base));
    return start === undefined ? [] : [start];
  });
}

async function restoreAgents(
  job: Job,
  remote: FetchedRemote | RelightError,
  hooks: RestoreHooks,
): Promise<RigReport['agents']> {
  const local = remote instanceof RelightError ? new Map<string, string>() : remote.local;
  const plans = [...new Map(job.request.agents.map((plan) => [plan.agent, plan])).values()];
  const addInTurn = pLimit(1);
  const { promise: allAdded, resolve: markAllAdded } = Promise.withResolvers<void>();
  const restore: RigRestore = { ...job, hooks, remote, local, addInTurn, allAdded };
  const pushing = remote instanceof RelightError ? null : whyNoPush(job.git, job, local);
  const restored = plans.map((plan) => restoreAgent(restore, plan));
  // The turns were taken in the order of the plans, so this one comes after them all.
  void addInTurn(markAllAdded);
  const reports = await Promise.all(restored);
  const why = await pushing;
  return why === null
    ? reports
    : reports.map((report) => ({ ...report, warnings: [...report.warnings, why] }));
}
