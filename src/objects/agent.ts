import { DurableObject } from 'cloudflare:workers';
import { desc, eq, lte } from 'drizzle-orm';
import { z } from 'zod';
import { CHECKPOINT_MAX_BYTES } from '../contract/agent.ts';
import type { Checkpoint } from '../contract/agent.ts';
import type { CheckpointMessage, CheckpointReceipt } from '../contract/callbacks.ts';
import type { WorktreePlan } from '../contract/control.ts';
import { RelightError } from '../contract/errors.ts';
import type { Prime, Recovered } from '../contract/prime.ts';
import type { Snapshot } from '../contract/snapshot.ts';
import { bytesOf } from '../contract/text.ts';
import { deleteBundles } from '../platform/bundles.ts';
import { withText } from '../rules/prime-text.ts';
import { checkpoints, recovered } from '../tables/agent/schema.ts';
import { eraseDatabase, openDatabase } from '../tables/open.ts';
import type { Database } from '../tables/open.ts';
import {
  findSnapshot,
  forgetSnapshots,
  listSnapshots,
  pinBefore,
  pinnedSnapshots,
  recordSnapshot,
  snapshotsOf,
} from './agent/snapshots.ts';
import { partsOfName, rigOf, townOf } from './reach.ts';

/** How many checkpoints, and how many restores, of an agent are kept. */
const KEPT = 200;

/** How much JSON of checkpoints, after the newest, goes into an archive, in characters. */
const ARCHIVED_CHARS = 256 * 1024;

/** How many checkpoints a listing shows. */
const LISTED = 50;

/** One agent: its checkpoints, and what each restore brought back for it. Prime is composed here. */
export class Agent extends DurableObject<Env> {
  readonly #name: { readonly town: string; readonly rig: string; readonly agent: string };
  readonly #db: Database;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#name = partsOfName(ctx);
    this.#db = openDatabase(ctx, 'agent');
  }

  /**
   * Keeps the checkpoint for the bead that the agent is hooked to. Throws RelightError `unknown_agent`,
   * `bead_not_hooked`, `stale_generation` or `too_large`, and then changes nothing.
   */
  async checkpoint({ life, bead, head, data }: CheckpointMessage): Promise<CheckpointReceipt> {
    const { town, rig, agent } = this.#name;
    const json = JSON.stringify(data);
    if (bytesOf(json) > CHECKPOINT_MAX_BYTES) {
      throw new RelightError('too_large', `a checkpoint has at most ${CHECKPOINT_MAX_BYTES} bytes of JSON`);
    }
    const hook = await rigOf(this.env, town, rig).hookOf(agent, life);
    if (hook.bead?.id !== bead)
      throw new RelightError('bead_not_hooked', `${bead} is not hooked to ${agent}`);
    const row = { bead, at: Date.now(), generation: life.generation, head, data: json };
    const { seq, at } = this.#db.insert(checkpoints).values(row).returning().get();
    this.#db
      .delete(checkpoints)
      .where(lte(checkpoints.seq, seq - KEPT))
      .run();
    await townOf(this.env, town).publish({ kind: 'checkpoint', rig, agent, bead, seq });
    return { seq, at };
  }

  /** The newest checkpoints of all beads, newest first; as many as one answer can hold at their largest. */
  checkpoints(): Checkpoint[] {
    const newest = this.#db.select().from(checkpoints).orderBy(desc(checkpoints.seq)).limit(LISTED);
    return newest.all().map(viewCheckpoint);
  }

  /** All recorded snapshots, newest first. */
  snapshots(): Snapshot[] {
    return listSnapshots(this.#db);
  }

  /** One recorded snapshot. Throws RelightError `unknown_snapshot`. */
  snapshot(generation: number, seq: number): Snapshot {
    return findSnapshot(this.#db, generation, seq);
  }

  /**
   * Records a snapshot that was stored and verified before, and deletes those it makes superfluous; gives the refs of
   * those that only the container can delete. Throws RelightError `snapshot_stale`.
   */
  async recordSnapshot(snapshot: Snapshot): Promise<string[]> {
    const superfluous = recordSnapshot(this.#db, snapshot);
    await this.#deleteStored(superfluous);
    return superfluous.flatMap(({ store, place }) => (store === 'git' && place !== null ? [place] : []));
  }

  /** Beads are finished or given up: their snapshots have nothing more to protect. Those of `keptBead` stay. */
  async forgetSnapshots(keptBead: string | null): Promise<void> {
    await this.#deleteStored(forgetSnapshots(this.#db, keptBead));
  }

  /** What a restore of the bead starts from: the commit of its newest checkpoint, and its snapshots. */
  savedWork(bead: string): Pick<WorktreePlan, 'checkpointHead' | 'snapshot' | 'older' | 'pinned'> {
    const pinned = pinnedSnapshots(this.#db, bead);
    const [snapshot = null, ...older] = snapshotsOf(this.#db, bead);
    return { checkpointHead: this.newestCheckpoint(bead)?.head ?? null, snapshot, older, pinned };
  }

  /** When and on which commit the newest checkpoint of the bead was made; null if there is none. */
  newestCheckpoint(bead: string): Pick<Checkpoint, 'seq' | 'at' | 'head'> | null {
    const row = this.#newest(bead);
    return row === undefined ? null : { seq: row.seq, at: row.at, head: row.head };
  }

  /** Keeps what a restore brought back. The same report again is kept once. */
  recordRestored({ recoveryId, generation, at, report }: Recovered): void {
    this.#db.transaction((tx) => {
      if (report.snapshot === 'conflict') pinBefore(tx, report.bead, generation);
      const before = tx.select().from(recovered).orderBy(desc(recovered.id)).limit(1).get();
      const isRepeat =
        before?.generation === generation &&
        before.recoveryId === recoveryId &&
        JSON.stringify(before.report) === JSON.stringify(report);
      // A worktree that was kept in the same life was brought back earlier: that report is the one that tells the agent.
      const saysLess =
        before?.generation === generation && before.bead === report.bead && report.from === 'kept';
      if (isRepeat || saysLess) return;
      const row = { recoveryId, generation, bead: report.bead, at, report };
      const { id } = tx.insert(recovered).values(row).returning().get();
      tx.delete(recovered)
        .where(lte(recovered.id, id - KEPT))
        .run();
    });
  }

  /** Everything the agent needs to go on. Changes nothing. Throws RelightError `unknown_rig` or `unknown_agent`. */
  async prime(): Promise<Prime> {
    const { town, rig, agent } = this.#name;
    const { role, bead, branch, snapshot, atRisk } = await rigOf(this.env, town, rig).agent(agent);
    return withText({
      town,
      rig,
      agent,
      role,
      bead,
      branch,
      checkpoint: bead === null ? null : this.#newestView(bead.id),
      recovered: bead === null ? null : this.#recoveredFor(bead.id),
      snapshot,
      atRisk,
    });
  }

  /** The newest checkpoints, newest first: the last one, and more while they are not too large for an archive. */
  archive(): Checkpoint[] {
    let chars = 0;
    return this.checkpoints().filter(({ data }, n) => {
      chars += JSON.stringify(data).length;
      return n === 0 || chars <= ARCHIVED_CHARS;
    });
  }

  /** Takes the checkpoints of an archive in the place of its own; the order says which are newer. */
  adopt(archived: readonly Checkpoint[]): void {
    this.#db.transaction((tx) => {
      tx.delete(checkpoints).run();
      for (const { seq: _, data, ...each } of archived.toReversed()) {
        tx.insert(checkpoints)
          .values({ ...each, data: JSON.stringify(data) })
          .run();
      }
    });
  }

  async erase(): Promise<void> {
    await this.forgetSnapshots(null);
    await eraseDatabase(this.ctx, this.#db, 'agent');
  }

  async #deleteStored(superfluous: readonly Snapshot[]): Promise<void> {
    const keys = superfluous.flatMap(({ store, place }) => (store === 'r2' && place !== null ? [place] : []));
    await deleteBundles(this.env.SNAPSHOTS, keys);
  }

  #newest(bead: string) {
    return this.#db
      .select()
      .from(checkpoints)
      .where(eq(checkpoints.bead, bead))
      .orderBy(desc(checkpoints.seq))
      .get();
  }

  #newestView(bead: string): Checkpoint | null {
    const row = this.#newest(bead);
    return row === undefined ? null : viewCheckpoint(row);
  }

  #recoveredFor(bead: string): Recovered | null {
    const row = this.#db
      .select()
      .from(recovered)
      .where(eq(recovered.bead, bead))
      .orderBy(desc(recovered.id))
      .get();
    if (row === undefined) return null;
    const { recoveryId, generation, at, report } = row;
    return { recoveryId, generation, at, report };
  }
}

function viewCheckpoint({ data, ...row }: typeof checkpoints.$inferSelect): Checkpoint {
  return { ...row, data: z.json().parse(JSON.parse(data)) };
}
