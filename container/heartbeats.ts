import { setTimeout as delay } from 'node:timers/promises';
import { CALLBACKS, HEARTBEAT_INTERVAL_MS } from '../src/contract/callbacks.ts';
import type { AgentSighting } from '../src/contract/control.ts';
import type { DiskSpace } from '../src/contract/disk.ts';
import type { ErasedRigs } from './disk/erased-rigs.ts';
import type { Lifecycle } from './lifecycle.ts';
import { errorFacts, log } from './log.ts';
import type { WorkerClient } from './worker-client.ts';

/** Changes that come together, such as the starts of a whole rig, go out in one message. */
const COALESCE_MS = 25;
const HEARTBEAT_TIMEOUT_MS = 5_000;

/** What heartbeats tell of, and who hears which rigs the town does not have. */
export interface HeartbeatParts {
  readonly worker: WorkerClient;
  readonly lifecycle: Lifecycle;
  readonly sightings: () => AgentSighting[];
  readonly disk: () => Promise<DiskSpace>;
  readonly erasedRigs: Pick<ErasedRigs, 'onDisk' | 'remove'>;
}

/** Tells the Worker which agents are here: at every interval, and at once when something changed. */
export class Heartbeats {
  readonly #worker: WorkerClient;
  readonly #lifecycle: Lifecycle;
  readonly #sightings: () => AgentSighting[];
  readonly #disk: () => Promise<DiskSpace>;
  readonly #erasedRigs: HeartbeatParts['erasedRigs'];
  readonly #stopped = new AbortController();
  #wake = Promise.withResolvers<void>();
  #heard = true;

  constructor(parts: HeartbeatParts) {
    this.#worker = parts.worker;
    this.#lifecycle = parts.lifecycle;
    this.#sightings = parts.sightings;
    this.#disk = parts.disk;
    this.#erasedRigs = parts.erasedRigs;
  }

  /** Beats until {@link stop}; one beat never overtakes another. */
  async run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await this.#nextBeat();
      if (this.#stopped.signal.aborted) return;
      this.#wake = Promise.withResolvers();
      await this.beat();
    }
  }

  /** Asks for a beat soon, because an agent changed its state. */
  soon(): void {
    this.#wake.resolve();
  }

  /** Ends the beating; {@link beat} can still be called for a last word. */
  stop(): void {
    this.#stopped.abort();
    this.#wake.resolve();
  }

  /** Sends one heartbeat now. A failure is logged, once per outage: the next beat is the retry. */
  async beat(): Promise<void> {
    const [disk, rigs] = [await this.#measured(), await this.#erasedRigs.onDisk()];
    const { bootId } = this.#lifecycle;
    const message = { bootId, at: Date.now(), agents: this.#sightings(), disk, rigs: [...rigs.keys()] };
    const options = { patience: 'once', timeoutMs: HEARTBEAT_TIMEOUT_MS } as const;
    try {
      const { generation, erased, token } = await this.#worker.call(CALLBACKS.heartbeat, message, options);
      this.#worker.renew(token);
      this.#lifecycle.learn(generation);
      for (const rig of erased) void this.#erasedRigs.remove(rig, rigs);
      if (!this.#heard) log.info('heartbeat.heard-again');
      this.#heard = true;
    } catch (error) {
      if (this.#heard) log.warn('heartbeat.unheard', errorFacts(error));
      this.#heard = false;
    }
  }

  /** A disk that cannot be measured keeps no heartbeat back. */
  async #measured(): Promise<DiskSpace | null> {
    try {
      return await this.#disk();
    } catch (error) {
      if (this.#heard) log.warn('disk.not-measured', errorFacts(error));
      return null;
    }
  }

  async #nextBeat(): Promise<void> {
    const timer = new AbortController();
    const interval = delay(HEARTBEAT_INTERVAL_MS, undefined, { signal: timer.signal }).catch(ignoreAbort);
    await Promise.race([interval, this.#wake.promise]);
    timer.abort();
    await delay(COALESCE_MS);
  }
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
