import type { Fault } from '../../src/contract/errors.ts';
import { faultOf, RelightError } from '../../src/contract/errors.ts';
import type { SnapshotPolicy } from '../../src/contract/snapshot.ts';
import { errorFacts, log } from '../log.ts';
import { Pace } from './pace.ts';
import type { Looks } from './sweep.ts';
import { TreeWatch } from './watch-tree.ts';

/** One worktree that is kept safe, and for which bead. */
export interface Ward {
  readonly rig: string;
  readonly agent: string;
  readonly bead: string;
  readonly branch: string;
  readonly dir: string;
  /** Where git keeps the worktree's index and HEAD. */
  readonly admin: string;
  readonly policy: SnapshotPolicy;
}

/**
 * Takes and stores a snapshot of the worktree, unless nothing changed since the last stored one. Gives the folders in which
 * a change is one of the snapshot.
 */
export type TakeSnapshot = (ward: Ward) => Promise<Looks>;

interface Watched {
  readonly ward: Ward;
  readonly pace: Pace;
  readonly tree: TreeWatch;
  fault: Fault | null;
  /** The newest taking; the next one waits for it. */
  taking: Promise<void>;
}

/**
 * Keeps worktrees safe: a snapshot soon after file changes go quiet, at the latest one interval after the first of them,
 * and whenever it is asked for. What could not be stored is tried again, and shown until it is.
 */
export class Keeper {
  readonly #take: TakeSnapshot;
  readonly #onRisk: () => void;
  readonly #watched = new Map<string, Watched>();

  constructor(take: TakeSnapshot, onRisk: () => void) {
    this.#take = take;
    this.#onRisk = onRisk;
  }

  /** Watches the worktree from now on; one that is watched for the same bead goes on as it was. */
  watch(ward: Ward): void {
    const key = keyOf(ward);
    const before = this.#watched.get(key);
    if (before?.ward.bead === ward.bead && before.ward.branch === ward.branch) return;
    before?.pace.stop();
    before?.tree.close();
    const pace = new Pace(ward.policy.intervalSeconds * 1000, () => void this.#snapshot(watched));
    const tree = new TreeWatch(ward, ward.policy.intervalSeconds * 1000, {
      onChange: () => pace.changed(),
      onCommit: () => pace.committed(),
    });
    const watched: Watched = { ward, pace, tree, fault: null, taking: Promise.resolve() };
    this.#watched.set(key, watched);
    pace.changed();
  }

  /** The agent wrote something. */
  stirred(rig: string, agent: string): void {
    this.#watched.get(keyOf({ rig, agent }))?.pace.stirred();
  }

  /** Stops watching, and gives what was watched: the bead is finished or was taken away. Null where nothing is. */
  forget(rig: string, agent: string): Ward | null {
    const key = keyOf({ rig, agent });
    const watched = this.#watched.get(key);
    if (watched === undefined) return null;
    this.#watched.delete(key);
    watched.pace.stop();
    watched.tree.close();
    return watched.ward;
  }

  /** Whether the agent's worktree is watched. */
  isWatched(rig: string, agent: string): boolean {
    return this.#watched.has(keyOf({ rig, agent }));
  }

  /** Snapshots the worktree now, if it is watched. Failure is not thrown: it is shown as the agent's risk. */
  async now(rig: string, agent: string): Promise<void> {
    const watched = this.#watched.get(keyOf({ rig, agent }));
    if (watched !== undefined) await this.#snapshot(watched);
  }

  /** Snapshots all watched worktrees now. */
  async all(): Promise<void> {
    await Promise.all([...this.#watched.values()].map(async (watched) => await this.#snapshot(watched)));
  }

  /** The branches that the rig's watched agents work on. */
  branchesOf(rig: string): ReadonlySet<string> {
    const wards = [...this.#watched.values()].map(({ ward }) => ward);
    return new Set(wards.filter((ward) => ward.rig === rig).map(({ branch }) => branch));
  }

  /** Why the newest work of the agent is only on this disk; null when it is stored. */
  riskOf(rig: string, agent: string): Fault | null {
    return this.#watched.get(keyOf({ rig, agent }))?.fault ?? null;
  }

  /** Stops watching everything. */
  stop(): void {
    for (const { ward } of this.#watched.values()) this.forget(ward.rig, ward.agent);
  }

  /** One at a time per worktree: a second one sees what the first has stored. */
  #snapshot(watched: Watched): Promise<void> {
    watched.taking = watched.taking.then(async () => await this.#attempt(watched));
    return watched.taking;
  }

  async #attempt(watched: Watched): Promise<void> {
    const { ward, pace } = watched;
    pace.begun();
    try {
      watched.tree.follow(await this.#take(ward));
      this.#settle(watched, null);
      pace.succeeded();
    } catch (error) {
      const { code, reason } = errorFacts(error);
      const fault = faultOf(error instanceof RelightError ? error.code : 'internal', reason);
      log.warn('snapshot.not-stored', { rig: ward.rig, agent: ward.agent, code, reason });
      this.#settle(watched, fault);
      pace.failed();
    }
  }

  #settle(watched: Watched, fault: Fault | null): void {
    const changed = watched.fault?.code !== fault?.code;
    watched.fault = fault;
    if (changed) this.#onRisk();
  }
}

function keyOf({ rig, agent }: { rig: string; agent: string }): string {
  return `${rig}/${agent}`;
}
