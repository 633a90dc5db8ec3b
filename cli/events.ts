import { createParser } from 'eventsource-parser';
import { setTimeout as delay } from 'node:timers/promises';
import { FeedEntry } from '../src/contract/changes.ts';
import { readable, type Api } from './api.ts';
import { AwayError, RefusedError } from './failure.ts';
import { apiPath } from './places.ts';

/** Relight says every 15 s that it is still there; a connection without a word for that long is a dead one. */
const SILENT_FOR_MS = 45_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;

/**
 * What a follower of a town hears: that the stream is open (again), that it broke, and what changed. `text` is a change as
 * it came; `entry` is null for one of a kind that this program does not know.
 */
export type News =
  | { readonly kind: 'open' }
  | { readonly kind: 'broken'; readonly reason: string }
  | { readonly kind: 'change'; readonly text: string; readonly entry: FeedEntry | null };

/**
 * Follows a town's server-sent events until `signal`. A stream that breaks is taken up where it broke, as often as it takes;
 * only the first connection fails with AwayError. A refusal ends it: RefusedError.
 */
export async function* follow(api: Api, town: string, signal: AbortSignal): AsyncGenerator<News> {
  const place: Place = { last: null };
  let [wasOpen, waitMs] = [false, FIRST_WAIT_MS];
  while (!signal.aborted) {
    try {
      for await (const news of readStream(api, town, place, signal)) {
        [wasOpen, waitMs] = [true, FIRST_WAIT_MS];
        yield news;
      }
      if (!signal.aborted) yield { kind: 'broken', reason: 'the stream of events has ended' };
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof RefusedError || !wasOpen) throw error;
      yield { kind: 'broken', reason: error instanceof AwayError ? error.message : 'the connection broke' };
    }
    await delay(waitMs, undefined, { signal }).catch(ignoreAbort);
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
  }
}

/** Where a reader has got to: the id of the last event that it has seen. */
interface Place {
  last: string | null;
}

async function* readStream(api: Api, town: string, place: Place, signal: AbortSignal): AsyncGenerator<News> {
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(), SILENT_FOR_MS);
  try {
    const response = await api.open('GET', apiPath`/api/towns/${town}/events`, {
      headers: place.last === null ? {} : { 'last-event-id': place.last },
      signal: AbortSignal.any([signal, silent.signal]),
    });
    yield { kind: 'open' };
    const news: News[] = [];
    const parser = createParser({
      onEvent: ({ id, data }) => {
        if (id !== undefined) place.last = id;
        const entry = FeedEntry.safeParse(readable(data));
        news.push({ kind: 'change', text: data, entry: entry.data ?? null });
      },
      // The first line of a stream says where the town's feed is: what comes while nobody listens is asked for from there.
      onComment: (comment) => {
        place.last ??= /^seq (\d+)$/.exec(comment.trim())?.[1] ?? null;
      },
    });
    if (response.body === null) return;
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      timer.refresh();
      parser.feed(chunk);
      yield* news.splice(0);
    }
  } finally {
    clearTimeout(timer);
  }
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
