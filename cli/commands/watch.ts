import { setTimeout as delay } from 'node:timers/promises';
import type { FeedEntry } from '../../src/contract/changes.ts';
import { follow } from '../events.ts';
import { AwayError } from '../failure.ts';
import { changeLine } from '../screens/change.ts';
import { townScreen } from '../screens/town.ts';
import type { Session } from '../session.ts';
import { type KnownCheckpoints, readTown } from './read-town.ts';

/** Shows a town as it changes, until Ctrl-C: redrawn in place on a terminal, else a line for each change. */
export async function watchTown(session: Session, town: string): Promise<void> {
  if (session.terminal.isLive && session.options.json !== true) await redraw(session, town);
  else await printChanges(session, town);
}

async function printChanges({ api, terminal, options, interrupted }: Session, town: string): Promise<void> {
  let isShown = options.json === true;
  for await (const news of follow(api, town, interrupted)) {
    if (news.kind === 'broken') terminal.say(`${news.reason}; trying again`);
    // Once the stream is open, so that nothing changes unseen between the two.
    if (news.kind === 'open' && !isShown) {
      const { facts } = await readTown(api, town);
      terminal.print(...townScreen(facts, Date.now(), terminal.style), '');
      isShown = true;
    }
    if (news.kind !== 'change') continue;
    if (options.json === true) terminal.print(news.text);
    else if (news.entry !== null) terminal.print(changeLine(news.entry, terminal.style));
  }
}

/** A town that changes all the time is asked no more often than this; its ages are drawn anew as often as below. */
const READ_EVERY_MS = 300;
const DRAW_EVERY_MS = 1_000;

async function redraw({ api, terminal, interrupted }: Session, town: string): Promise<void> {
  const known: KnownCheckpoints = new Map();
  const news = new NewsDesk();
  const ended = news.listen(follow(api, town, interrupted), (entry) => forget(known, entry));
  ended.catch(() => news.ring());
  let { facts } = await readTown(api, town, known);
  while (!interrupted.aborted && !news.isOver) {
    if (news.takeStale()) facts = (await readIfThere(() => readTown(api, town, known)))?.facts ?? facts;
    const hint = news.broken === null ? 'Ctrl-C ends the watch' : `${news.broken}; trying again`;
    terminal.draw([...townScreen(facts, Date.now(), terminal.style), '', terminal.style('dim', hint)]);
    await Promise.all([news.next(DRAW_EVERY_MS, interrupted), pause(READ_EVERY_MS, interrupted)]);
  }
  await ended;
}

/** What a stream of news says by now. */
class NewsDesk {
  broken: string | null = null;
  isOver = false;
  #isStale = false;
  #bell = Promise.withResolvers<void>();

  /** Listens until the stream ends. Throws what it throws. */
  async listen(stream: ReturnType<typeof follow>, onEntry: (entry: FeedEntry) => void): Promise<void> {
    try {
      for await (const news of stream) {
        this.broken = news.kind === 'broken' ? news.reason : null;
        if (news.kind === 'change' && news.entry !== null) onEntry(news.entry);
        this.ring();
      }
    } finally {
      this.isOver = true;
    }
  }

  ring(): void {
    this.#isStale = true;
    this.#bell.resolve();
  }

  takeStale(): boolean {
    const was = this.#isStale;
    this.#isStale = false;
    this.#bell = Promise.withResolvers();
    return was;
  }

  /** Waits for news, and `ms` at most. */
  async next(ms: number, signal: AbortSignal): Promise<void> {
    const heard = new AbortController();
    await Promise.race([this.#bell.promise, pause(ms, AbortSignal.any([signal, heard.signal]))]);
    heard.abort();
  }
}

function forget(known: KnownCheckpoints, { change }: FeedEntry): void {
  if (change.kind === 'checkpoint') known.delete(`${change.rig}/${change.agent}`);
  if (change.kind === 'agent') known.delete(`${change.rig}/${change.agent.agent}`);
}

async function readIfThere<Found>(read: () => Promise<Found>): Promise<Found | null> {
  try {
    return await read();
  } catch (error) {
    // The stream of events says so, and goes on trying.
    if (error instanceof AwayError) return null;
    throw error;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
