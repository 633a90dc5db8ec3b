import type { WorktreePlan } from '../../src/contract/control.ts';
import { RelightError } from '../../src/contract/errors.ts';
import type { Fault } from '../../src/contract/errors.ts';
import type { StartOrder } from '../agents/run.ts';
import type { PutBack } from '../git/restore-context.ts';
import type { Git } from '../git/run-git.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { WorkerClient } from '../worker-client.ts';
import { BundleStore } from './bundle-store.ts';
import { SnapshotError } from './errors.ts';
import { Keeper } from './keeper.ts';
import { putBack } from './put-back.ts';
import { Taker } from './take.ts';

/** What snapshots work with; `onRisk` hears that an agent's work became safe or unsafe. */
export interface SnapshotsParts {
  readonly git: Git;
  readonly worker: WorkerClient;
  readonly lifecycle: Lifecycle;
  readonly onRisk: () => void;
}

/** Work that nobody can bring back: the snapshot is damaged, gone, or builds on what the remote no longer has. */
const BEYOND_REPAIR = new Set(['unknown_snapshot', 'snapshot_corrupt']);

/** The snapshots of all agents: taken while they work, put back when their worktrees are made anew. */
export class Snapshots {
  readonly #git: Git;
  readonly #store: BundleStore;
  readonly #taker: Taker;
  readonly #keeper: Keeper;

  constructor({ git, worker, lifecycle, onRisk }: SnapshotsParts) {
    this.#git = git;
    this.#store = new BundleStore({ git, worker, lifecycle });
    this.#taker = new Taker(git, lifecycle, async (ward, captured) => {
      await this.#store.store(captured, 0, this.#keeper.branchesOf(ward.rig));
    });
    this.#keeper = new Keeper(async (ward) => await this.#taker.take(ward), onRisk);
  }

  /** Keeps the agent's worktree safe from now on, also after the agent's end, until the bead is done. */
  watch({ rig, agent, bead, branch, snapshots: policy }: StartOrder, dir: string): void {
    this.#keeper.watch({ rig, agent, bead, branch, dir, policy });
  }

  /** Snapshots the worktree now; failure is shown as the agent's risk. */
  async now(rig: string, agent: string): Promise<void> {
    await this.#keeper.now(rig, agent);
  }

  async all(): Promise<void> {
    await this.#keeper.all();
  }

  forget(rig: string, agent: string): void {
    this.#keeper.forget(rig, agent);
  }

  riskOf(rig: string, agent: string): Fault | null {
    return this.#keeper.riskOf(rig, agent);
  }

  stop(): void {
    this.#keeper.stop();
  }

  /** Puts the agent's newest snapshot back into its new worktree. Throws where it cannot be had now but may be later. */
  async putBack(
    rig: string,
    { agent, bead, branch, snapshot }: WorktreePlan,
    { dir, remoteTip, signal }: { dir: string; remoteTip: string | null; signal: AbortSignal },
  ): Promise<PutBack | null> {
    if (snapshot === null) return null;
    try {
      const fetched = await this.#store.fetch(rig, agent, snapshot);
      const place = { rig, agent, dir, branch, bead, remoteTip, signal };
      const put = await putBack(this.#git, { ...place, snapshot: fetched });
      this.#taker.goOnAfter(rig, agent, snapshot, put.outcome === 'conflict');
      return { ...put, lost: [] };
    } catch (error) {
      const isLost =
        error instanceof RelightError && (error instanceof SnapshotError || BEYOND_REPAIR.has(error.code));
      if (!isLost) throw error;
      this.#taker.goOnAfter(rig, agent, snapshot, false);
      const lost = [
        `snapshot ${snapshot.generation}/${snapshot.seq} of ${snapshot.files} files: ${error.message}`,
      ];
      return { outcome: 'none', head: null, files: 0, warnings: [], lost };
    }
  }
}
