import { EventSourceParserStream } from 'eventsource-parser/stream';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { AgentView, Checkpoint } from '../src/contract/agent.ts';
import { FeedEntry } from '../src/contract/changes.ts';
import { Problem } from '../src/contract/errors.ts';
import { Recovery } from '../src/contract/recovery.ts';
import { TownView } from '../src/contract/town.ts';

/** A refusal of the operator API. */
export class RefusedError extends Error {
  readonly problem: Problem;

  constructor(call: string, problem: Problem) {
    super(`${call}: ${problem.status} ${problem.code}: ${problem.detail}`);
    this.problem = problem;
  }
}

/** Calls one town's operator API. */
export class TownClient {
  readonly #base: string;
  readonly #token: string;

  constructor(url: string, token: string, town: string) {
    this.#base = `${url}/api/towns/${town}`;
    this.#token = token;
  }

  /** Calls `path` below the town; throws RefusedError where the answer is a problem. */
  async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.#base}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.ok)
      return response.headers.get('content-type')?.includes('json') === true ? JSON.parse(text) : text;
    throw new RefusedError(`${method} ${path}`, Problem.parse(JSON.parse(text)));
  }

  async town(): Promise<TownView> {
    return TownView.parse(await this.call('GET', ''));
  }

  async agent(rig: string, agent: string): Promise<AgentView> {
    return AgentView.parse(await this.call('GET', `/rigs/${rig}/agents/${agent}`));
  }

  /** The kept checkpoints of an agent, newest first. */
  async checkpoints(rig: string, agent: string): Promise<Checkpoint[]> {
    const answer = await this.call('GET', `/rigs/${rig}/agents/${agent}/checkpoints`);
    return z.object({ checkpoints: z.array(Checkpoint) }).parse(answer).checkpoints;
  }

  async recoveries(): Promise<Recovery[]> {
    return z.object({ recoveries: z.array(Recovery) }).parse(await this.call('GET', '/recoveries'))
      .recoveries;
  }

  async recovery(recoveryId: string): Promise<Recovery> {
    return Recovery.parse(await this.call('GET', `/recoveries/${recoveryId}`));
  }

  /** Everything that changes from now on, until `signal`; a broken stream is taken up where it broke. */
  async *events(signal: AbortSignal): AsyncGenerator<FeedEntry> {
    let last = '0';
    while (!signal.aborted) {
      try {
        for await (const { id, data } of await this.#stream(last, signal)) {
          if (id !== undefined) last = id;
          yield FeedEntry.parse(JSON.parse(data));
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof TypeError)) throw error;
        await delay(200); // fetch says TypeError for a connection that broke: the Worker is restarting.
      }
    }
  }

  async #stream(last: string, signal: AbortSignal) {
    const headers = { authorization: `Bearer ${this.#token}`, 'last-event-id': last };
    const response = await fetch(`${this.#base}/events`, { headers, signal });
    if (!response.ok || response.body === null) throw new TypeError(`events answered ${response.status}`);
    return response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  }
}

/** Asks again and again until `probe` gives something other than null. Throws an Error after `withinMs` milliseconds. */
export async function until<Found>(
  what: string,
  withinMs: number,
  probe: () => Promise<Found | null>,
): Promise<Found> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await probe();
    if (found !== null) return found;
    if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await delay(100);
  }
}
