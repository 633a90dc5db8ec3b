import pLimit from 'p-limit';
import type { Git } from '../git/run-git.ts';
import type { KnownSecrets } from '../known-secrets.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { log } from '../log.ts';
import { capture } from './capture.ts';
import type { Captured, Fingerprint } from './capture.ts';
import { Collector } from './collect.ts';
import { dropSnapshots } from './drop.ts';
import type { Ward } from './keeper.ts';
import type { Looks } from './sweep.ts';

/** Captures under way at a time, in the whole container: the agents come first. */
const SIDE_BY_SIDE = 2;

/** Where a captured snapshot goes; it is recorded when this returns. */
export type StoreSnapshot = (ward: Ward, captured: Captured) => Promise<void>;

/** What is known of one agent's worktree in this boot. */
interface Memory {
  bead: string;
  seq: number;
  /** Of the last stored snapshot: what is equal to it is safe. */
  stored: Fingerprint | null;
  /** Whether any snapshot was stored or put back. */
  any: boolean;
  readonly kept: Set<number>;
}

/** What captures work with; `secrets` are kept out of them as far as they are known. */
export interface TakerParts {
  readonly git: Git;
  readonly lifecycle: Lifecycle;
  readonly secrets: KnownSecrets;
}

/** Takes snapshots: captures what changed since the last stored one, and hands it to the store. */
export class Taker {
  readonly #git: Git;
  readonly #lifecycle: Lifecycle;
  readonly #secrets: KnownSecrets;
  readonly #store: StoreSnapshot;
  readonly #memories = new Map<string, Memory>();
  readonly #limit = pLimit(SIDE_BY_SIDE);
  readonly #collector: Collector;

  constructor({ git, lifecycle, secrets }: TakerParts, store: StoreSnapshot) {
    this.#git = git;
    this.#secrets = secrets;
    this.#collector = new Collector(git);
    this.#lifecycle = lifecycle;
    this.#store = store;
  }

  /**
   * Returns once the worktree as it is now is safe, with the folders in which a change would be one of the next snapshot.
   * Throws what kept it from that; the next try captures anew.
   */
  async take(ward: Ward): Promise<Looks> {
    const memory = this.#memoryOf(ward);
    const began = performance.now();
    const captured = await this.#limit(async () => await this.#capture(ward, memory));
    if (captured === null) return foldersOf(memory.stored);
    // A worktree that is as the remote has it, and always was, has nothing to be saved.
    const isSafe = !memory.any && captured.pristine && captured.meta.head.commit === captured.meta.upstream;
    if (!isSafe) {
      await this.#store(ward, captured);
      memory.any = true;
    }
    memory.stored = captured.fingerprint;
    await dropSnapshots(this.#git, ward.rig, ward.agent, { keep: [captured.meta.seq, ...memory.kept] });
    this.#collector.note(ward.rig);
    const { rig, agent, bead } = ward;
    const ms = Math.round(performance.now() - began);
    log.info('snapshot.stored', { rig, agent, bead, seq: captured.meta.seq, stored: !isSafe, ms });
    return foldersOf(captured.fingerprint);
  }

  /**
   * Numbers go on after `seq`, that of a snapshot of an earlier boot. The refs of the numbers in `keep` stay in the
   * repository: those were not put back, and the agent was told where to find them.
   */
  goOnAfter(whose: Pick<Ward, 'rig' | 'agent' | 'bead'>, seq: number, keep: readonly number[]): void {
    const memory = this.#memoryOf(whose);
    memory.any = true;
    memory.seq = Math.max(memory.seq, seq);
    for (const kept of keep) memory.kept.add(kept);
  }

  #capture({ rig, agent, bead, branch, dir, policy }: Ward, memory: Memory): Promise<Captured | null> {
    memory.seq += 1;
    return capture(this.#git, {
      rig,
      agent,
      dir,
      bead,
      branch,
      generation: this.#lifecycle.life.generation,
      seq: memory.seq,
      limits: { maxFileBytes: policy.maxFileBytes },
      previous: memory.stored,
      secrets: this.#secrets,
    });
  }

  #memoryOf({ rig, agent, bead }: Pick<Ward, 'rig' | 'agent' | 'bead'>): Memory {
    const key = `${rig}/${agent}`;
    const memory = this.#memories.get(key) ?? { bead, seq: 0, stored: null, any: false, kept: new Set() };
    if (memory.bead !== bead) {
      memory.bead = bead;
      memory.stored = null;
      memory.any = false;
    }
    this.#memories.set(key, memory);
    return memory;
  }
}

function foldersOf(fingerprint: Fingerprint | null): Looks {
  return fingerprint?.memory.seen.folders ?? new Map();
}
