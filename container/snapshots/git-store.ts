import type { WorktreePlan } from '../../src/contract/control.ts';
import { RelightError } from '../../src/contract/errors.ts';
import type {
  Snapshot,
  SnapshotOffer,
  SnapshotPolicy,
  SnapshotReceipt,
} from '../../src/contract/snapshot.ts';
import { wipOwnerOf, wipPatterns, wipRef } from '../../src/contract/snapshot-refs.ts';
import type { RefSpace, WipOwner } from '../../src/contract/snapshot-refs.ts';
import type { Git } from '../git/run-git.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { errorFacts, log } from '../log.ts';
import { inBatches } from './batches.ts';
import type { Captured } from './capture.ts';
import { fetchSnapshot } from './fetch-snapshot.ts';
import { describeSnapshot } from './offer.ts';
import { deleteRefs, listRefs, pushRefs } from './push-refs.ts';
import type { PushTask } from './push-refs.ts';
import type { SnapshotMeta } from './snapshot-meta.ts';

/** What the store works with; `record` tells the Worker of a snapshot that is on the remote. */
export interface GitStoreParts {
  readonly git: Git;
  readonly lifecycle: Lifecycle;
  readonly record: (offer: SnapshotOffer) => Promise<SnapshotReceipt>;
}

/** Snapshots as refs on the rig's own remote, those of several agents in one push. */
export class GitStore {
  readonly #parts: GitStoreParts;
  /** Whose snapshots are pushed, and where each rig's remote takes them: what the Worker said, or was found out since. */
  readonly #rigs = new Map<string, { home: string; space: RefSpace }>();
  /** What this boot has on the remote, by full ref name: the lease of the next push. */
  readonly #pushed = new Map<string, string>();
  readonly #push: (rig: string, captured: Captured) => Promise<string>;

  constructor(parts: GitStoreParts) {
    this.#parts = parts;
    this.#push = inBatches<Captured, string>(async (rig, batch) => await this.#pushBatch(rig, batch));
  }

  /** Stores the snapshot; it was seen on the remote and is recorded when this returns. Throws RelightError. */
  async store(captured: Captured, { home, refSpace }: SnapshotPolicy): Promise<void> {
    const { record, lifecycle } = this.#parts;
    const { rig, agent } = captured.meta;
    const known = this.#rigs.get(rig);
    this.#rigs.set(rig, { home, space: known?.space ?? refSpace });
    const place = await this.#push(rig, captured);
    const stored = { store: 'git', place, bytes: null, sha256: null, prerequisites: [] } as const;
    const offer = { life: lifecycle.life, rig, agent, snapshot: describeSnapshot(captured, stored) };
    const { superfluous } = await record(offer);
    void this.#delete(rig, new Map(superfluous.map((ref) => [ref, null])));
  }

  /** Brings a recorded snapshot into the rig's repository. Throws RelightError `unknown_snapshot` where it is gone. */
  async fetch(
    rig: string,
    snapshot: Snapshot,
    stored: ReadonlyMap<string, string>,
  ): Promise<{ commit: string; meta: SnapshotMeta }> {
    const { place, commit } = snapshot;
    if (place === null || stored.get(place) !== commit) {
      throw new RelightError(
        'unknown_snapshot',
        `the remote does not have ${commit} at ${place ?? 'any ref'}`,
      );
    }
    return await fetchSnapshot(this.#parts.git, rig, place);
  }

  /**
   * The newest snapshot on the remote that a container of this town stored for the agent and could not record any more:
   * null where the recorded one is the newest.
   */
  async findUnrecorded(
    rig: string,
    { agent, bead, snapshot, pinned }: Pick<WorktreePlan, 'agent' | 'bead' | 'snapshot' | 'pinned'>,
    { home, stored }: { home: string; stored: ReadonlyMap<string, string> },
  ): Promise<{ commit: string; meta: SnapshotMeta } | null> {
    const own = [...stored].flatMap(([ref, commit]) => {
      const owner = wipOwnerOf(ref);
      return owner?.home === home && owner.rig === rig && owner.agent === agent
        ? [{ ref, commit, generation: owner.generation }]
        : [];
    });
    const [newest] = own.toSorted((a, b) => b.generation - a.generation);
    const known = new Set([snapshot, ...pinned].map((each) => each?.commit));
    if (newest === undefined || known.has(newest.commit)) return null;
    if (newest.generation < (snapshot?.generation ?? 0)) return null;
    const found = await fetchSnapshot(this.#parts.git, rig, newest.ref);
    const { meta } = found;
    const isNewer = snapshot === null || meta.generation > snapshot.generation || meta.seq > snapshot.seq;
    return meta.bead === bead && isNewer ? found : null;
  }

  /** Deletes the agent's snapshots from the remote, as far as they are there by now; failure is logged. */
  async discardAgent(rig: string, agent: string, home: string): Promise<void> {
    const { generation } = this.#parts.lifecycle.life;
    const now = new Map(this.#pushed);
    // A snapshot for the agent's next bead may be on its way to the same ref.
    await this.#discard(
      rig,
      home,
      (owner, ref, commit) =>
        owner.agent === agent && (owner.generation < generation || now.get(ref) === commit),
    );
  }

  /** Deletes what earlier generations left on the remote for agents that have no bead any more; failure is logged. */
  async sweep(rig: string, home: string, hooked: ReadonlySet<string>): Promise<void> {
    const { generation } = this.#parts.lifecycle.life;
    await this.#discard(rig, home, (owner) => owner.generation < generation && !hooked.has(owner.agent));
  }

  async #discard(
    rig: string,
    home: string,
    isOver: (owner: WipOwner, ref: string, commit: string) => boolean,
  ): Promise<void> {
    try {
      const listed = await listRefs(this.#parts.git, rig, wipPatterns(rig));
      const over = [...listed].flatMap(([ref, commit]) => {
        const owner = wipOwnerOf(ref);
        return owner?.home === home && owner.rig === rig && isOver(owner, ref, commit)
          ? [[ref, commit] as const]
          : [];
      });
      await this.#delete(rig, new Map(over));
    } catch (error) {
      log.warn('snapshot.not-discarded', { rig, ...errorFacts(error) });
    }
  }

  async #delete(rig: string, refs: ReadonlyMap<string, string | null>): Promise<void> {
    if (refs.size === 0) return;
    try {
      await deleteRefs(this.#parts.git, rig, refs);
      for (const ref of refs.keys()) this.#pushed.delete(ref);
      log.info('snapshot.discarded', { rig, refs: refs.size });
    } catch (error) {
      log.warn('snapshot.not-discarded', { rig, ...errorFacts(error) });
    }
  }

  /** One push; a server that takes no refs of their own is tried with branches, and remembered. */
  async #pushBatch(rig: string, batch: readonly Captured[]): Promise<(string | RelightError)[]> {
    const own = this.#rigs.get(rig);
    if (own === undefined) throw new Error(`nothing was stored for ${rig} yet`);
    const { home, space } = own;
    const results = await this.#pushInto(rig, own, batch);
    const refused = results.every(({ outcome }) => outcome === 'refused');
    if (space === 'branches' || !refused) return results.map(({ result }) => result);
    const branches = { home, space: 'branches' } as const;
    const asBranches = await this.#pushInto(rig, branches, batch);
    // The first refusal says more where branches are refused as well.
    if (asBranches.every(({ outcome }) => outcome !== 'stored')) return results.map(({ result }) => result);
    this.#rigs.set(rig, branches);
    return asBranches.map(({ result }) => result);
  }

  async #pushInto(
    rig: string,
    { home, space }: { home: string; space: RefSpace },
    batch: readonly Captured[],
  ): Promise<{ outcome: 'stored' | 'refused' | 'failed'; result: string | RelightError }[]> {
    const tasks = batch.map(({ commit, meta: { agent, generation } }): PushTask => {
      const ref = wipRef(space, { home, rig, agent, generation });
      return { ref, commit, lease: this.#pushed.get(ref) ?? null };
    });
    const pushed = await pushRefs(this.#parts.git, rig, tasks);
    return tasks.map(({ ref, commit }) => {
      const { outcome, at, reason } = pushed.get(ref) ?? { outcome: 'failed', at: null, reason: 'no answer' };
      // What is there by now is what the next push has to replace, whoever put it there in this generation.
      if (at === null) this.#pushed.delete(ref);
      else this.#pushed.set(ref, at);
      if (outcome === 'stored') return { outcome, result: ref };
      const why = `the remote does not take ${commit} as ${ref}: ${reason}`;
      return { outcome, result: new RelightError('snapshot_store', why) };
    });
  }
}
