import { setTimeout as delay } from 'node:timers/promises';
import PQueue from 'p-queue';
import { log } from '../log.ts';
import { GitFailure } from './errors.ts';
import { HOST_AT_ONCE, leaveAloneMs, PATIENCE_MS, TURN_MS } from './rate-limit.ts';
import { priorityOf } from './turns.ts';

/** Time and chance, as the gates see them; `pause` rejects when `signal` aborts. */
export interface GateClock {
  now(): number;
  random(): number;
  pause(ms: number, signal?: AbortSignal): Promise<void>;
}

const CLOCK: GateClock = {
  now: () => performance.now(),
  random: Math.random,
  pause: async (ms, signal) => await delay(ms, undefined, signal === undefined ? {} : { signal }),
};

/** Who wants to go through: what makes it give up, and how many files it is about. */
export interface Turn {
  readonly signal?: AbortSignal | undefined;
  readonly files?: number | null;
}

interface Gate {
  readonly turns: PQueue;
  /** Before this time the host is not asked. */
  opensAt: number;
  /** Refusals in a row. */
  refusals: number;
}

/**
 * The way to the git hosts: a few commands at a time for each, and none while a host that answered 429 or 503 wants to
 * be left alone, so that a container asks no more of a host than it is willing to give.
 */
export class HostGates {
  readonly #gates = new Map<string, Gate>();
  readonly #clock: GateClock;

  constructor(clock: GateClock = CLOCK) {
    this.#clock = clock;
  }

  /**
   * Makes attempts until one is not refused; of those that wait for a turn, the one about the fewest files comes
   * first. Throws what the attempt throws, or a GitFailure `git_rate_limited` when the host wants to be left alone for
   * longer than anybody waits; the signal's reason when it aborts during a wait.
   */
  async through<Result>(
    host: string,
    attempt: () => Promise<Result>,
    { signal, files = null }: Turn = {},
  ): Promise<Result> {
    const gate = this.#gates.get(host) ?? newGate();
    this.#gates.set(host, gate);
    let leftMs = PATIENCE_MS;
    for (;;) {
      for (let ms = this.#shutFor(gate); ms > 0; ms = this.#shutFor(gate)) {
        if (ms > leftMs) throw refusal(host, ms);
        leftMs -= ms;
        await this.#clock.pause(ms, signal);
      }
      const refusalsBefore = gate.refusals;
      try {
        const result = await this.#inTurn(gate, attempt, files);
        gate.refusals = 0;
        return result;
      } catch (error) {
        if (!(error instanceof GitFailure) || error.code !== 'git_rate_limited') throw error;
        this.#shut(host, gate, error, refusalsBefore);
      }
    }
  }

  #shutFor({ opensAt }: Gate): number {
    return Math.max(0, Math.ceil(opensAt - this.#clock.now()));
  }

  /** Several that were under way together are one refusal; the longest wait of all counts. */
  #shut(host: string, gate: Gate, { retryAfter }: GitFailure, refusalsBefore: number): void {
    if (gate.refusals === refusalsBefore) gate.refusals += 1;
    const ms = leaveAloneMs(gate.refusals, retryAfter, this.#clock.random());
    gate.opensAt = Math.max(gate.opensAt, this.#clock.now() + ms);
    log.warn('git.host-refuses', { host, refusals: gate.refusals, retryAfterMs: retryAfter, waitMs: ms });
  }

  /** The turn ends with the attempt, or when that has taken long enough for the next one to begin. */
  async #inTurn<Result>(
    { turns }: Gate,
    attempt: () => Promise<Result>,
    files: number | null,
  ): Promise<Result> {
    const turn = async (): Promise<{ work: Promise<Result> }> => {
      const running = attempt();
      const timer = new AbortController();
      const ended = running.catch(() => undefined);
      await Promise.race([ended, this.#clock.pause(TURN_MS, timer.signal).catch(() => undefined)]);
      timer.abort();
      return { work: running };
    };
    const { work } = await turns.add(turn, { priority: priorityOf(files) });
    return await work;
  }
}

function newGate(): Gate {
  return { turns: new PQueue({ concurrency: HOST_AT_ONCE }), opensAt: 0, refusals: 0 };
}

function refusal(host: string, ms: number): GitFailure {
  const seconds = Math.ceil(ms / 1000);
  const reason = `${host} limits its requests, and is left alone for another ${seconds} s`;
  return new GitFailure('git_rate_limited', reason, { exitCode: null, output: '' });
}
