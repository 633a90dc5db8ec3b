import { CALLBACKS } from '../../src/contract/callbacks.ts';
import type { RestoreRequest, WorktreePlan } from '../../src/contract/control.ts';
import type { Fault } from '../../src/contract/errors.ts';
import type { SnapshotOffer, SnapshotReceipt } from '../../src/contract/snapshot.ts';
import { wipOwnerOf } from '../../src/contract/snapshot-refs.ts';
import type { StartOrder } from '../agents/run.ts';
import { faultFrom } from '../git/errors.ts';
import { repoDir } from '../git/layout.ts';
import type { RemoteRefs } from '../git/remote-refs.ts';
import type { PutBack, PutBackPlace } from '../git/restore-context.ts';
import { inBackground } from '../git/run-git.ts';
import type { Git } from '../git/run-git.ts';
import { adminNamedBy } from '../git/worktree-registry.ts';
import type { KnownSecrets } from '../known-secrets.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { log } from '../log.ts';
import type { WorkerClient } from '../worker-client.ts';
import { bringBack } from './bring-back.ts';
import type { BringBackParts } from './bring-back.ts';
import { BundleStore } from './bundle-store.ts';
import type { Captured } from './capture.ts';
import { dropSnapshots } from './drop.ts';
import { SnapshotError } from './errors.ts';
import { GitStore } from './git-store.ts';
import { Keeper } from './keeper.ts';
import type { Ward } from './keeper.ts';
import { Taker } from './take.ts';

/** What snapshots work with; `onRisk` hears that an agent's work became safe or unsafe. */
export interface SnapshotsParts {
  readonly git: Git;
  readonly worker: WorkerClient;
  readonly lifecycle: Lifecycle;
  readonly secrets: KnownSecrets;
  readonly onRisk: () => void;
}

/** The snapshots of all agents: taken while they work, put back when their worktrees are made anew. */
export class Snapshots {
  readonly #lifecycle: Lifecycle;
  readonly #parts: BringBackParts;
  readonly #keeper: Keeper;

  constructor({ git, worker, lifecycle, secrets, onRisk }: SnapshotsParts) {
    this.#lifecycle = lifecycle;
    const quiet = inBackground(git);
    const bundles = new BundleStore({ git: quiet, worker, lifecycle });
    const record = async (offer: SnapshotOffer): Promise<SnapshotReceipt> =>
      await worker.call(CALLBACKS.snapshotPushed, offer);
    const refs = new GitStore({ git: quiet, lifecycle, record });
    const taker = new Taker(
      { git: quiet, lifecycle, secrets },
      async (ward, captured) => await this.#store(ward, captured),
    );
    this.#parts = { git, bundles, refs, taker };
    this.#keeper = new Keeper(async (ward) => await taker.take(ward), onRisk);
  }

  /**
   * Keeps the agent's worktree safe from now on, also after the agent's end, until the bead is done. Throws a
   * SnapshotError `misplaced` where `dir` is no worktree of the rig.
   */
  async watch({ rig, agent, bead, branch, snapshots: policy }: StartOrder, dir: string): Promise<void> {
    const admin = await adminNamedBy(repoDir(this.#parts.git.workspace, rig), dir);
    if (admin === null) throw new SnapshotError('misplaced', `${dir} is not a worktree of ${rig}`);
    this.#keeper.watch({ rig, agent, bead, branch, dir, admin, policy });
  }

  /** The agent wrote something: its session may have grown. */
  stirred(rig: string, agent: string): void {
    this.#keeper.stirred(rig, agent);
  }

  /** Snapshots the worktree now; failure is shown as the agent's risk. */
  async now(rig: string, agent: string): Promise<void> {
    await this.#keeper.now(rig, agent);
  }

  async all(): Promise<void> {
    await this.#keeper.all();
  }

  /** The agent's bead is over: its worktree is not kept safe any more, and its snapshots are deleted. */
  discard(rig: string, agent: string): void {
    const ward = this.#keeper.forget(rig, agent);
    if (ward !== null) void this.#discard(ward);
  }

  /** Whether the agent's worktree is kept safe: its bead is not over. */
  isKept(rig: string, agent: string): boolean {
    return this.#keeper.isWatched(rig, agent);
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
    plan: WorktreePlan,
    { home, ...place }: PutBackPlace & { home: string; signal: AbortSignal },
  ): Promise<PutBack | null> {
    const { generation } = this.#lifecycle.life;
    return await bringBack(this.#parts, rig, plan, { ...place, home, generation });
  }

  /** Deletes what the remote still has for agents whose beads ended while no container could delete it. */
  sweep(rig: string, { hooked, snapshots: { home } }: RestoreRequest, refs: RemoteRefs): void {
    if (hooked === null) return;
    const owners = [...refs.snapshots.keys()].map(wipOwnerOf);
    const isLeft = owners.some((owner) => owner?.home === home && !hooked.includes(owner.agent));
    if (isLeft) void this.#parts.refs.sweep(rig, home, new Set(hooked));
  }

  async #store({ rig, policy }: Ward, captured: Captured): Promise<void> {
    const { bundles, refs } = this.#parts;
    if (policy.store === 'git') await refs.store(captured, policy);
    else await bundles.store(captured, this.#keeper.branchesOf(rig));
  }

  async #discard({ rig, agent, policy }: Ward): Promise<void> {
    const { git, refs } = this.#parts;
    try {
      await dropSnapshots(git, rig, agent, { keep: [] });
    } catch (error) {
      const { code, reason } = faultFrom(error);
      log.warn('snapshot.not-dropped', { rig, agent, code, reason });
    }
    if (policy.store === 'git') await refs.discardAgent(rig, agent, policy.home);
  }
}
