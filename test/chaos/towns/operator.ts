import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { AgentView } from '../../../src/contract/agent.ts';
import { RigView } from '../../../src/contract/rig.ts';
import type { TownView } from '../../../src/contract/town.ts';
import type { Town } from './open-town.ts';
import { isPassing } from './patience.ts';
import type { Blow } from './trial.ts';

const LOOK_MS = 500;
/** A way out is tried again after so long. */
const AGAIN_MS = 5_000;
/** A container that is held back longer than that is started by hand. */
const HELD_BACK_MS = 10_000;

/** Town, rigs and agents as they are seen at one moment. */
interface Sight {
  readonly at: number;
  readonly town: TownView;
  readonly rigs: readonly RigView[];
  readonly agents: readonly (AgentView & { readonly rig: string })[];
}

/**
 * Looks at the town all the time, and does what docs/recovery.md tells an operator to do where nothing is tried again by
 * itself: nothing else.
 */
export class Operator {
  readonly #town: Town;
  readonly #blows: readonly Blow[];
  readonly #expected = new Map<Blow, number>();
  readonly #lastTried = new Map<string, number>();
  #sight: Sight | null = null;
  #hasEnded = false;

  constructor(town: Town, blows: readonly Blow[]) {
    this.#town = town;
    this.#blows = blows;
  }

  /** The town as it was seen last. */
  get newest(): { readonly generation: number } {
    return { generation: this.#sight?.town.generation ?? 0 };
  }

  /** A fault is over: from now on the town is expected to come back, in that generation or a later one. */
  expect(blow: Blow, generation: number): void {
    this.#expected.set(blow, generation);
  }

  async watch(): Promise<void> {
    while (!this.#hasEnded) {
      await delay(LOOK_MS);
      try {
        await this.#look();
      } catch (error) {
        if (!isPassing(error)) throw error;
      }
    }
  }

  end(): void {
    this.#hasEnded = true;
  }

  /** Waits until all agents work or are done; goes on without that after `withinMs`. */
  async untilCalm(withinMs: number): Promise<void> {
    const deadline = Date.now() + withinMs;
    const since = Date.now();
    while (!(this.#sight !== null && this.#sight.at > since && isCalm(this.#sight)) && Date.now() < deadline)
      await delay(LOOK_MS);
  }

  /** Waits until every bead is done and the town lit. Gives what is not so when the time is over. */
  async untilDone(withinMs: number): Promise<string[]> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const overdue = this.#overdue();
      if (overdue.length === 0 || Date.now() > deadline) return overdue;
      await delay(LOOK_MS);
    }
  }

  #overdue(): string[] {
    if (this.#sight === null) return ['the town was never seen'];
    const { town, rigs, agents } = this.#sight;
    const waiting = this.#blows.filter(({ endedAt, recoveryMs }) => endedAt !== null && recoveryMs === null);
    return [
      ...(town.state === 'lit' || (town.state === 'dark' && isFinished(this.#sight))
        ? []
        : [`the town is ${town.state}: ${town.fault?.reason ?? 'no reason'}`]),
      ...rigs.flatMap(({ rig, state, fault }) =>
        state === 'failed' || state === 'restoring'
          ? [`${rig} is ${state}: ${fault?.reason ?? 'no reason'}`]
          : [],
      ),
      ...agents.flatMap(({ rig, agent, status, fault, notBefore }) =>
        status === 'idle'
          ? []
          : [`${rig}-${agent} is ${status} until ${notBefore}: ${fault?.reason ?? 'no reason'}`],
      ),
      ...waiting.map(({ fault }) => `never seen to recover from ${fault}`),
    ];
  }

  async #look(): Promise<void> {
    const { client } = this.#town;
    const at = Date.now();
    const town = await client.town();
    const { rigs } = z.object({ rigs: z.array(RigView) }).parse(await client.call('GET', '/rigs'));
    const lists = await Promise.all(
      rigs.map(async ({ rig }) => {
        const answer = await client.call('GET', `/rigs/${rig}/agents`);
        const { agents } = z.object({ agents: z.array(AgentView) }).parse(answer);
        return agents.map((agent) => ({ ...agent, rig }));
      }),
    );
    this.#sight = { at, town, rigs, agents: lists.flat() };
    this.#noteRecoveries(this.#sight);
    if (this.#blows.every(({ endedAt, missed }) => endedAt !== null || missed !== null))
      await this.#wayOut(this.#sight);
  }

  #noteRecoveries(sight: Sight): void {
    if (!isCalm(sight)) return;
    for (const [blow, generation] of this.#expected) {
      const isNext = sight.town.generation >= generation || isFinished(sight);
      const isBack = blow.endedAt !== null && sight.at > blow.endedAt && isNext;
      if (!isBack || blow.endedAt === null) continue;
      blow.recoveryMs = Date.now() - blow.endedAt;
      this.#expected.delete(blow);
    }
  }

  /** What the page of failures says of states in which nothing is tried again. */
  async #wayOut({ town, rigs, agents }: Sight): Promise<void> {
    const { client } = this.#town;
    for (const { rig, state, fault } of rigs) {
      const isStuck = (state === 'failed' || state === 'partial') && fault?.retryable === false;
      if (isStuck && this.#isDue(rig)) {
        await client.call('POST', '/recoveries', { rigs: [rig] });
      }
    }
    for (const { rig, agent, status, bead } of agents) {
      if (status !== 'failed' || bead === null || !this.#isDue(`${rig}-${agent}`)) continue;
      await client.call('PUT', `/rigs/${rig}/agents/${agent}/hook`, { bead });
    }
    const heldBackMs = (town.nextStartAt ?? 0) - Date.now();
    if (heldBackMs > HELD_BACK_MS && this.#isDue('container'))
      await client.call('POST', '/container', { action: 'start' });
  }

  #isDue(what: string): boolean {
    const last = this.#lastTried.get(what) ?? 0;
    if (Date.now() - last < AGAIN_MS) return false;
    this.#lastTried.set(what, Date.now());
    return true;
  }
}

/** All agents work or are done. A town in which all are done needs no container. */
function isCalm(sight: Sight): boolean {
  const { town, agents } = sight;
  if (town.state === 'dark' && isFinished(sight)) return true;
  return town.state === 'lit' && agents.every(({ status }) => status === 'working' || status === 'idle');
}

function isFinished({ agents }: Sight): boolean {
  return agents.every(({ status }) => status === 'idle');
}
