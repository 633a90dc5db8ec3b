import { setTimeout as delay } from 'node:timers/promises';
import type { TownClient } from '../../../dev/client.ts';
import type { Change, FeedEntry } from '../../../src/contract/changes.ts';
import type { Phase } from './plan.ts';

const LOOK_MS = 5;

/** Whether a change is the beginning of a phase. */
const BEGINS: Readonly<Record<Phase, (change: Change) => boolean>> = {
  booting: (change) => change.kind === 'town' && change.state === 'starting',
  announced: (change) => change.kind === 'boot',
  restoring: (change) => change.kind === 'rig' && change.state === 'restoring',
  waiting: (change) => change.kind === 'phase' && change.phase.name === 'ask',
  waking: (change) => change.kind === 'rig' && (change.state === 'ready' || change.state === 'partial'),
  working: (change) => change.kind === 'checkpoint' || change.kind === 'snapshot',
  replaying: (change) => change.kind === 'recovery' && change.trigger === 'replay',
  done: (change) => change.kind === 'done',
};

/** Everything that changed in a town since it was made. */
export class History {
  readonly #entries: FeedEntry[] = [];
  readonly #ended = new AbortController();
  readonly #reading: Promise<void>;

  constructor(client: TownClient) {
    this.#reading = this.#read(client);
  }

  get entries(): readonly FeedEntry[] {
    return this.#entries;
  }

  /** The number of the newest change; 0 before the first. */
  get now(): number {
    return this.#entries.at(-1)?.seq ?? 0;
  }

  /** Waits until the phase begins anew after change `since`. False if it does not in time, in milliseconds. */
  async begins(phase: Phase, since: number, withinMs: number): Promise<boolean> {
    const deadline = Date.now() + withinMs;
    while (!this.#entries.some(({ seq, change }) => seq > since && BEGINS[phase](change))) {
      if (Date.now() > deadline) return false;
      await delay(LOOK_MS);
    }
    return true;
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await this.#reading;
  }

  async #read(client: TownClient): Promise<void> {
    for await (const entry of client.events(this.#ended.signal)) this.#entries.push(entry);
  }
}
