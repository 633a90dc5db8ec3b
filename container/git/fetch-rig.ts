import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { RelightError } from '../../src/contract/errors.ts';
import { errorFacts, log } from '../log.ts';
import { ensureBareRepo, markWhole, removeHalfMade } from './bare-repo.ts';
import { asRelightError } from './errors.ts';
import { fetchEach, forgetVanished, hasMovedOn, planFetch } from './fetch-refs.ts';
import type { FetchPlan } from './fetch-refs.ts';
import { fetchTips } from './fetch-tips.ts';
import { healRepository } from './heal.ts';
import { agentsDir, ownDir, worktreeDir } from './layout.ts';
import { readLocalRefs, trackingRef } from './local-refs.ts';
import type { LocalRefs } from './local-refs.ts';
import { FIRST_FETCH, fetchContents, isPartial, wayToFetch } from './partial-clone.ts';
import { formatOf, listRemoteRefs } from './remote-refs.ts';
import type { RemoteRefs } from './remote-refs.ts';
import type { CachePlaced, FetchedRemote, RigJob } from './restore-context.ts';
import { defaultBranchOf, startCommits } from './start-point.ts';

/** How often the remote is asked again when a branch moves or vanishes between the listing and the fetch. */
const LISTINGS = 3;

/** Brings what the agents need of the remote into the rig's bare repository. Throws a RelightError. */
export async function fetchRig(job: RigJob): Promise<FetchedRemote> {
  const { git, rig, repo, access, hooks } = job;
  git.users?.makeRig(rig);
  await mkdir(agentsDir(git.workspace, rig), { recursive: true });
  await mkdir(ownDir(git.workspace, rig), { recursive: true });
  await removeHalfMade(git, rig);
  hooks.cache?.begin();
  const healAndRead = async (): Promise<LocalRefs> => {
    await healRepository(git, rig);
    return existsSync(repo) ? readLocalRefs(git, repo, access) : new Map();
  };
  // Both are waited for, also when one fails: the worktrees that are here are looked at in any case.
  const [listing, healing] = await Promise.allSettled([listRefs(job), healAndRead()]);
  if (healing.status === 'rejected') throw asRelightError(healing.reason);
  if (listing.status === 'rejected') throw asRelightError(listing.reason);
  let refs = listing.value;
  hooks.onRemote?.(refs);
  for (let listings = 1; ; listings += 1) {
    try {
      return await fetchNeeded(job, refs, healing.value);
    } catch (error) {
      const isMoved = hasMovedOn(error);
      if (!isMoved && (await hooks.cache?.takeBack(error))) continue;
      if (!isMoved || listings >= LISTINGS) throw error;
      refs = await listRefs(job);
    }
  }
}

async function listRefs({ git, rig, request, access, phases }: RigJob): Promise<RemoteRefs> {
  return phases.measure(
    { name: 'list refs', agent: null, work: 'git' },
    async () =>
      listRemoteRefs(git, rig, request.gitUrl, { credential: request.credential, signal: access.signal }),
    ({ heads, defaultBranch }) => `${heads.size} branches, default ${defaultBranch ?? 'unknown'}`,
  );
}

async function fetchNeeded(job: RigJob, refs: RemoteRefs, local: LocalRefs): Promise<FetchedRemote> {
  const { git, rig, request, hooks } = job;
  const bases = [
    defaultBranchOf(request.defaultBranch, refs),
    ...request.agents.map((plan) => plan.baseBranch),
  ];
  const followed = {
    branches: [...new Set(request.agents.map((plan) => plan.branch))].sort(),
    bases: [...new Set(bases.filter((base) => base !== null))].filter((base) => refs.heads.has(base)).sort(),
  };
  const [anyHead = ''] = [...refs.heads.values(), ...refs.snapshots.values()];
  const isNew = await ensureBareRepo(git, rig, {
    url: request.gitUrl,
    objectFormat: formatOf(anyHead),
    followed,
    heads: refs.heads,
  });
  const wanted = [...followed.bases, ...followed.branches];
  const cached = (await hooks.cache?.place(refs, wanted)) ?? null;
  if (cached !== null) return fetchSince(job, refs, planFetch(wanted, refs, cached.refs), cached);
  const plan = planFetch(wanted, refs, local);
  return isNew ? fetchNew(job, refs, plan) : fetchMore(job, refs, { plan, local });
}

/** Fetches into a new repository: the files of the worktrees first, and their history at the same time. */
async function fetchNew(job: RigJob, refs: RemoteRefs, plan: FetchPlan): Promise<FetchedRemote> {
  const { repo, request } = job;
  const local: LocalRefs = new Map();
  const failures = new Map<string, RelightError>();
  let failure: RelightError | null = null;
  const way = wayToFetch(request, refs);
  const arrival = fetchBranches(job, plan, { local, failures, extra: FIRST_FETCH[way] }).then(() =>
    markWhole(repo),
  );
  arrival.catch((error: unknown) => (failure = asRelightError(error)));
  const starts = startCommits(request, refs);
  // A sparse worktree needs less than its commit has.
  const isApart = way === 'parts' && request.sparse.length === 0 && starts.size > 0;
  const came = isApart && (await tipsCame(job, starts));
  if (failure !== null) throw failure;
  if (!came) {
    await arrival;
    await fetchTogether(job, starts);
  }
  return { refs, failures, local, arrival };
}

/** Fetches what a repository lacks that begins with a stored cache; a branch that fails is the cache's fault. */
async function fetchSince(
  job: RigJob,
  refs: RemoteRefs,
  plan: FetchPlan,
  { refs: local, options: extra }: CachePlaced,
): Promise<FetchedRemote> {
  const failures = new Map<string, RelightError>();
  await fetchBranches(job, plan, { local, failures, extra });
  for (const failure of failures.values()) throw failure;
  await fetchTogether(job, startCommits(job.request, refs));
  markWhole(job.repo);
  return { refs, failures, local, arrival: Promise.resolve() };
}

/** Whether the files could be had ahead of the history; else they come after it. */
async function tipsCame(job: RigJob, starts: ReadonlySet<string>): Promise<boolean> {
  const { rig, phases, access } = job;
  try {
    await phases.measure(
      { name: 'fetch files', agent: null, work: 'git' },
      async () => fetchTips(job, starts),
      () => `of ${starts.size} commits`,
    );
    return true;
  } catch (error) {
    if (access.signal?.aborted === true) throw error;
    log.warn('tips.not-fetched', { rig, ...errorFacts(error) });
    return false;
  }
}

/** Fetches what a repository that is in use lacks. */
async function fetchMore(
  job: RigJob,
  refs: RemoteRefs,
  { plan, local }: { plan: FetchPlan; local: LocalRefs },
): Promise<FetchedRemote> {
  const { git, rig, repo, request } = job;
  await forgetVanished(git, repo, plan.vanished);
  for (const ref of plan.vanished) local.delete(ref);
  const failures = new Map<string, RelightError>();
  await fetchBranches(job, plan, { local, failures, extra: [] });
  const isMissing = request.agents.some(({ agent }) => !existsSync(worktreeDir(git.workspace, rig, agent)));
  if (isMissing) await fetchTogether(job, startCommits(request, refs));
  return { refs, failures, local, arrival: Promise.resolve() };
}

/** Fetches branches; those that cannot be had are put among the `failures`. Throws when none can. */
async function fetchBranches(
  { git, repo, access, hooks, phases }: RigJob,
  { needed, missing }: FetchPlan,
  into: { local: LocalRefs; failures: Map<string, RelightError>; extra: readonly string[] },
): Promise<void> {
  const { local, failures, extra } = into;
  await phases.measure(
    { name: 'fetch', agent: null, work: 'git' },
    async () => {
      // How much will come is not known before it is here.
      if (missing.size > 0) (await hooks.room?.claim('a fetch'))?.();
      for (const [name, error] of await fetchEach(git, repo, missing, { ...access, extra })) {
        failures.set(name, error);
      }
      const [first] = failures.values();
      if (first !== undefined && failures.size === needed.size) throw first;
      for (const [name, commit] of missing) if (!failures.has(name)) local.set(trackingRef(name), commit);
    },
    () => (failures.size === 0 ? 'done' : `failed for ${[...failures.keys()].join(', ')}`),
  );
}

/** Brings what the checkouts need. What cannot be had so, because of one of them, each asks for by itself. */
async function fetchTogether(
  { git, rig, repo, request, access }: RigJob,
  starts: ReadonlySet<string>,
): Promise<void> {
  if (request.sparse.length > 0 || !isPartial(repo)) return;
  try {
    await fetchContents(git, repo, starts, access);
  } catch (error) {
    if (access.signal?.aborted === true) throw error;
    log.warn('contents.not-fetched', { rig, ...errorFacts(error) });
  }
}
