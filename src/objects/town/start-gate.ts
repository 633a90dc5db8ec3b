import type { AgentSighting } from '../../contract/control.ts';
import { logEvent, logTrouble } from '../../platform/log.ts';
import { askToStart, CLOSED, noteAttemptFailed, noteBeadFailed, noteHealthy } from '../../rules/breaker.ts';
import type { Breaker } from '../../rules/breaker.ts';
import { HEALTHY_RUN_MS } from '../../rules/dispatch.ts';
import { rigOf } from '../reach.ts';
import type { TownCore } from './core.ts';
import { rigRows, townRow, updateTown } from './registry.ts';
import { describeTown } from './view.ts';

/** An attempt of a bead that ended before the bead was done; `isLast` if it was given up. */
export interface FailedAttempt {
  readonly rig: string;
  readonly agent: string;
  readonly bead: string;
  readonly isLast: boolean;
}

/** Lets agents start, or holds them all back while too many beads of the town fail. */
export class StartGate {
  readonly #core: TownCore;

  constructor(core: TownCore) {
    this.#core = core;
  }

  /** Until when the agent must not start; null if it may. */
  ask(rig: string, agent: string): number | null {
    const before = this.#breaker();
    const { breaker, until } = askToStart(before, `${rig}/${agent}`, Date.now());
    this.#keep(before, breaker);
    return until;
  }

  noteAttemptFailed({ rig, agent, bead, isLast }: FailedAttempt): void {
    const now = Date.now();
    const before = this.#breaker();
    const noted = noteAttemptFailed(before, `${rig}/${agent}`, now);
    this.#keep(before, isLast ? noteBeadFailed(noted, `${rig}/${agent}/${bead}`, now) : noted);
  }

  /** Agents that were seen; one that runs long enough is healthy. */
  async noteSeen(agents: readonly AgentSighting[]): Promise<void> {
    if (this.#breaker().probe === null) return;
    const since = Date.now() - HEALTHY_RUN_MS;
    for (const { rig, agent, state, startedAt } of agents) {
      if (state === 'running' && startedAt <= since) await this.noteHealthy(rig, agent);
    }
  }

  /** An agent has finished its bead, or has run long enough. */
  async noteHealthy(rig: string, agent: string): Promise<void> {
    if (noteHealthy(this.#breaker(), `${rig}/${agent}`) === CLOSED) await this.release();
  }

  /** Lets all agents start again. A Rig that misses it asks when its time has come. */
  async release(): Promise<void> {
    const { env, town, db } = this.#core;
    const before = this.#breaker();
    if (before.openedAt === null) return;
    this.#keep(before, CLOSED);
    const told = await Promise.allSettled(rigRows(db).map(({ rig }) => rigOf(env, town, rig).release()));
    for (const result of told) {
      if (result.status === 'rejected') logTrouble('rig.not_released', result.reason, { town });
    }
  }

  #breaker(): Breaker {
    return townRow(this.#core.db, this.#core.town).breaker;
  }

  #keep(before: Breaker, breaker: Breaker): void {
    if (breaker === before) return;
    const { db, town, feed } = this.#core;
    updateTown(db, { breaker });
    if (breaker.openedAt === before.openedAt) return;
    const { state, fault } = describeTown(this.#core);
    feed.publish({ kind: 'town', state, fault });
    const event = breaker.openedAt === null ? 'breaker.closed' : 'breaker.opened';
    logEvent(event, { town, failed: breaker.failed.length });
  }
}
