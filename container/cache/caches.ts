import pLimit from 'p-limit';
import type { RestoreRequest } from '../../src/contract/control.ts';
import type { RepoCache } from '../../src/contract/repo-cache.ts';
import type { Room } from '../disk/room.ts';
import { repoDir } from '../git/layout.ts';
import { isPartial, wayToFetch } from '../git/partial-clone.ts';
import type { RemoteRefs } from '../git/remote-refs.ts';
import type { Git } from '../git/run-git.ts';
import { defaultBranchOf } from '../git/start-point.ts';
import { errorFacts, log } from '../log.ts';
import { withView } from './make-cache.ts';
import type { CacheView } from './make-cache.ts';
import { INODES } from './own-repo.ts';
import { planMaking } from './plan-making.ts';
import type { MakingPlan } from './plan-making.ts';

/** As many as the contract lets a cache name. */
const MAX_TIPS = 50;

/** The least time after which it is looked again whether a history is complete. */
const HISTORY_MS = 1_000;

/** The room that a cache in the making takes, as a multiple of what is packed: the pack, and the tar of it. */
const ROOM = 2.2;

/** A restore of a rig that has ended, and what its remote said it had then. */
export interface RestoredRig {
  readonly rig: string;
  readonly request: RestoreRequest;
  readonly refs: RemoteRefs;
  readonly signal: AbortSignal;
}

/** What the making of caches works with. */
export interface CacheParts {
  readonly git: Git;
  readonly room: Room;
  /** Stores a cache; it is verified and recorded when this returns. Throws RelightError. */
  readonly store: (rig: string, cache: RepoCache, file: string, signal: AbortSignal) => Promise<void>;
}

/** Stores what the remotes of rigs have, when nothing is restored: one rig at a time, and given up when the container ends. */
export class Caches {
  readonly #parts: CacheParts;
  readonly #turn = pLimit(1);
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(parts: CacheParts) {
    this.#parts = parts;
  }

  /** A rig was restored: its cache is thought about when it has been left alone for a while. */
  note(restored: RestoredRig): void {
    const { rig, request, signal } = restored;
    clearTimeout(this.#timers.get(rig));
    this.#timers.delete(rig);
    if (request.repoCache?.store !== true || signal.aborted) return;
    this.#thinkIn(request.repoCache.quietSeconds * 1000, restored);
  }

  #thinkIn(ms: number, restored: RestoredRig): void {
    const { rig, request } = restored;
    const timer = setTimeout(() => {
      this.#timers.delete(rig);
      const isIncomplete = request.history === 'full' && isPartial(repoDir(this.#parts.git.workspace, rig));
      if (isIncomplete) this.#thinkIn(Math.max(ms, HISTORY_MS), restored);
      else void this.#turn(async () => await this.#attempt(restored));
    }, ms);
    timer.unref();
    this.#timers.set(rig, timer);
  }

  /** Failure is logged: the next restore comes by here again. */
  async #attempt(restored: RestoredRig): Promise<void> {
    const { rig, signal } = restored;
    const began = performance.now();
    try {
      signal.throwIfAborted();
      const done = await this.#make(restored);
      const ms = Math.round(performance.now() - began);
      if ('why' in done) log.info('cache.not-made', { rig, why: done.why });
      else log.info('cache.stored', { rig, bytes: done.bytes, blobless: done.blobless, ms });
    } catch (error) {
      if (!signal.aborted) log.warn('cache.not-stored', { rig, ...errorFacts(error) });
    }
  }

  async #make(restored: RestoredRig): Promise<RepoCache | { why: string }> {
    const { git, room, store } = this.#parts;
    const { rig, request, refs, signal } = restored;
    const at = Date.now();
    const lasting = lastingTips(request, refs);
    return await withView(git, rig, { tips: lasting, signal }, async (view) => {
      const { tips } = view;
      const bytes = tips.length === 0 ? 0 : await view.measure(tips);
      const plan = await this.#plan(restored, view, bytes);
      if (!plan.make) return { why: plan.why };
      const need = { bytes: bytes * ROOM, inodes: INODES };
      const release = await room.claim('a repository cache', async () => Promise.resolve(need));
      try {
        return await view.pack(plan.blobless, async ({ file, ...made }) => {
          const cache = { gitUrl: request.gitUrl, tips: [...tips], blobless: plan.blobless, at, ...made };
          await store(rig, cache, file, signal);
          return cache;
        });
      } finally {
        release();
      }
    });
  }

  async #plan({ request, refs }: RestoredRig, view: CacheView, bytes: number): Promise<MakingPlan> {
    const stored = request.repoCache?.stored ?? null;
    const heads = new Set(refs.heads.values());
    const { tips } = view;
    // A branch that lasts no longer, and is still there, has taken nothing away from the remote.
    const gone = (stored?.tips ?? []).filter((tip) => !heads.has(tip));
    const facts = {
      stored,
      tips,
      bytes,
      newBytes: stored === null || tips.length === 0 ? 0 : await view.measure(tips, stored.tips),
      rewritten: gone.length > 0 && (await view.count(gone, tips)) !== 0,
      lazy: wayToFetch(request, refs) === 'parts',
    };
    return planMaking(facts, Date.now());
  }
}

/** The commits of the branches that agents start from: those that they work on come, go and move. */
function lastingTips(request: RestoreRequest, refs: RemoteRefs): string[] {
  const names = [
    defaultBranchOf(request.defaultBranch, refs),
    ...request.agents.map(({ baseBranch }) => baseBranch),
  ];
  return [...new Set(names.flatMap((name) => refs.heads.get(name ?? '') ?? []))].slice(0, MAX_TIPS);
}
