import { createWriteStream, openAsBlob } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import pRetry, { type Options } from 'p-retry';
import { retryAfterMs } from '../src/contract/backoff.ts';
import { Problem, RelightError, type ErrorCode } from '../src/contract/errors.ts';
import { type Exchange, pathOf } from '../src/contract/exchange.ts';
import { CACHE_CALLS, CACHE_HEADER, type CacheOffer, type CacheWanted } from '../src/contract/repo-cache.ts';
import {
  BUNDLE_CALLS,
  OFFER_HEADER,
  type SnapshotOffer,
  type SnapshotWanted,
} from '../src/contract/snapshot.ts';
import { CONTRACT_HEADER, CONTRACT_VERSION } from '../src/contract/version.ts';

const BACKOFF = { minTimeout: 200, factor: 2, maxTimeout: 15_000, randomize: true } satisfies Options;
const LONGEST_RETRY_AFTER_MS = 60_000;
const ATTEMPT_TIMEOUT_MS = 10_000;
/** A bundle of the largest size at 1 MB/s, and some time to spare. */
const BUNDLE_TIMEOUT_MS = 120_000;
/** Nobody waits for a cache to be stored. */
const CACHE_UPLOAD_TIMEOUT_MS = 600_000;

/**
 * How long a call goes on: `once` is one attempt; `brief` suits somebody who waits for the answer; `endless` ends only
 * with an answer or a refusal; `stubborn` takes no refusal either, but for that of a stale life.
 */
const PATIENCE = {
  once: { retries: 0 },
  brief: { retries: 8, maxRetryTime: 30_000 },
  endless: { retries: Infinity },
  stubborn: { retries: Infinity },
} as const satisfies Record<string, Options>;

export interface CallOptions {
  readonly patience?: keyof typeof PATIENCE;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** What goes out in one attempt. */
interface Sending {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Blob;
  readonly timeoutMs: number;
  readonly stop: AbortSignal;
}

/** An attempt that brought no answer: whether another may, and how long the Worker asked to wait. */
class FailedAttempt extends RelightError {
  readonly again: boolean;
  readonly retryAfterMs: number;

  constructor(
    code: ErrorCode,
    reason: string,
    facts: { again: boolean; retryAfterMs?: number; cause?: unknown },
  ) {
    super(code, reason, { cause: facts.cause });
    this.again = facts.again;
    this.retryAfterMs = facts.retryAfterMs ?? 0;
  }
}

/**
 * Calls the Worker. Every failure is a RelightError: the Worker's own code, or `worker_unreachable`. The first answer
 * which says that another life has taken over ends all calls, now and later, and is told to `onFenced`.
 */
export class WorkerClient {
  readonly #url: string;
  #token: string;
  readonly #onFenced: (error: RelightError) => void;
  readonly #onRenewed: (token: string) => void;
  readonly #fence = new AbortController();

  constructor(worker: {
    url: string;
    token: string;
    onFenced: (error: RelightError) => void;
    onRenewed?: (token: string) => void;
  }) {
    this.#url = worker.url;
    this.#token = worker.token;
    this.#onFenced = worker.onFenced;
    this.#onRenewed = worker.onRenewed ?? (() => undefined);
  }

  /** Calls with another token from now on, attempts of calls that are under way included; none changes nothing. */
  renew(token: string | undefined): void {
    if (token === undefined || token === this.#token) return;
    this.#onRenewed(token);
    this.#token = token;
  }

  /** Makes one call of the contract and gives its checked answer. An aborted call throws the signal's reason. */
  async call<Body, Answer>(
    exchange: Exchange<Body, Answer>,
    body: Body,
    { patience = 'brief', timeoutMs = ATTEMPT_TIMEOUT_MS, signal }: CallOptions = {},
  ): Promise<Answer> {
    const stop = this.#stopOf(signal);
    const text = JSON.stringify(body);
    return await pRetry(async () => await this.#attempt(exchange, text, { timeoutMs, stop }), {
      ...BACKOFF,
      ...PATIENCE[patience],
      signal: stop,
      shouldRetry: async ({ error }) => {
        if (!(error instanceof FailedAttempt) || !(error.again || patience === 'stubborn')) return false;
        if (patience === 'brief' && error.retryAfterMs > PATIENCE.brief.maxRetryTime) return false;
        await waitUnlessStopped(error.retryAfterMs, stop);
        return true;
      },
    });
  }

  async #attempt<Body, Answer>(
    exchange: Exchange<Body, Answer>,
    body: string,
    { timeoutMs, stop }: { timeoutMs: number; stop: AbortSignal },
  ): Promise<Answer> {
    const headers = { 'content-type': 'application/json' };
    const { method, path } = exchange;
    const response = await this.#send(
      { method, path: pathOf(exchange, {}) },
      { headers, body, timeoutMs, stop },
    );
    const text = await this.#textOf(response, path, stop);
    if (response.ok) return answerOf(exchange, text);
    throw this.#refusalOf(response, text, stop);
  }

  /**
   * Streams a bundle from `file` to the Worker, which has stored, verified and recorded it when this returns. One
   * attempt: who keeps snapshots has a newer one to offer when it fails.
   */
  async upload(offer: SnapshotOffer, file: string, signal?: AbortSignal): Promise<void> {
    const headers = { [OFFER_HEADER]: encoded(offer) };
    await this.#put(BUNDLE_CALLS.upload, { headers, timeoutMs: BUNDLE_TIMEOUT_MS }, file, signal);
  }

  /** Streams a repository cache from `file` to the Worker, in the same way. */
  async uploadCache(offer: CacheOffer, file: string, signal?: AbortSignal): Promise<void> {
    const headers = { [CACHE_HEADER]: encoded(offer) };
    await this.#put(CACHE_CALLS.upload, { headers, timeoutMs: CACHE_UPLOAD_TIMEOUT_MS }, file, signal);
  }

  /** Streams a stored bundle into `file`. Throws the Worker's refusal, or `worker_unreachable`. */
  async download(wanted: SnapshotWanted, file: string, signal?: AbortSignal): Promise<void> {
    const stop = this.#stopOf(signal);
    const body = await this.#open(BUNDLE_CALLS.download, wanted, stop);
    try {
      await pipeline(Readable.fromWeb(body), createWriteStream(file, { flags: 'wx' }));
    } catch (error) {
      throw unreachable(BUNDLE_CALLS.download.path, error, stop);
    }
  }

  /** The bytes of a repository cache, as they come. Throws the Worker's refusal, or `worker_unreachable`. */
  async openCache(wanted: CacheWanted, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return await this.#open(CACHE_CALLS.download, wanted, this.#stopOf(signal));
  }

  async #put(
    call: Pick<Exchange, 'method' | 'path'>,
    { headers, timeoutMs }: Pick<Sending, 'headers' | 'timeoutMs'>,
    file: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const stop = this.#stopOf(signal);
    const type = { 'content-type': 'application/octet-stream' };
    const sending = { headers: { ...type, ...headers }, body: await openAsBlob(file), timeoutMs, stop };
    const response = await this.#send(call, sending);
    const text = await this.#textOf(response, call.path, stop);
    if (!response.ok) throw this.#refusalOf(response, text, stop);
  }

  async #open(
    call: Pick<Exchange, 'method' | 'path'>,
    wanted: object,
    stop: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const headers = { 'content-type': 'application/json' };
    const sending = { headers, body: JSON.stringify(wanted), timeoutMs: BUNDLE_TIMEOUT_MS, stop };
    const response = await this.#send(call, sending);
    if (response.ok && response.body !== null) return response.body;
    throw this.#refusalOf(response, await this.#textOf(response, call.path, stop), stop);
  }

  #stopOf(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#fence.signal : AbortSignal.any([this.#fence.signal, signal]);
  }

  async #send({ method, path }: { method: string; path: string }, sending: Sending): Promise<Response> {
    const { headers, body, timeoutMs, stop } = sending;
    try {
      return await fetch(this.#url + path, {
        method,
        headers: {
          ...headers,
          authorization: `Bearer ${this.#token}`,
          [CONTRACT_HEADER]: String(CONTRACT_VERSION),
        },
        body,
        redirect: 'error',
        signal: AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]),
      });
    } catch (error) {
      throw unreachable(path, error, stop);
    }
  }

  async #textOf(response: Response, path: string, stop: AbortSignal): Promise<string> {
    try {
      return await response.text();
    } catch (error) {
      throw unreachable(path, error, stop);
    }
  }

  /** The refusal as an error; one that says that this life is over ends all calls. */
  #refusalOf({ status, headers }: Response, text: string, stop: AbortSignal): FailedAttempt {
    const failure = failureOf(status, headers, text);
    if (failure.code === 'stale_generation' || failure.code === 'stale_boot') {
      this.#fenceOff(failure);
      stop.throwIfAborted();
    }
    return failure;
  }

  #fenceOff(error: RelightError): void {
    if (this.#fence.signal.aborted) return;
    this.#fence.abort(error);
    this.#onFenced(error);
  }
}

function encoded(offer: object): string {
  return Buffer.from(JSON.stringify(offer)).toString('base64url');
}

function unreachable(path: string, error: unknown, stop: AbortSignal): FailedAttempt {
  stop.throwIfAborted();
  return new FailedAttempt('worker_unreachable', `${path}: ${wordsOf(error)}`, { again: true, cause: error });
}

function answerOf<Answer>(exchange: Exchange<unknown, Answer>, text: string): Answer {
  const parsed = exchange.answer.safeParse(text === '' ? undefined : jsonOrNull(text));
  if (parsed.success) return parsed.data;
  const reason = `${exchange.path} was answered with something else than the contract says`;
  throw new FailedAttempt('worker_unreachable', reason, { again: true, cause: parsed.error });
}

function failureOf(status: number, headers: Headers, text: string): FailedAttempt {
  const passing = status >= 500 || status === 429;
  const asked = retryAfterMs(headers.get('retry-after'), Date.now()) ?? 0;
  const facts = { retryAfterMs: Math.min(asked, LONGEST_RETRY_AFTER_MS) };
  const problem = Problem.safeParse(jsonOrNull(text));
  if (!problem.success) {
    const reason = `The Worker answered ${String(status)} without a reason`;
    return new FailedAttempt('worker_unreachable', reason, { again: passing, ...facts });
  }
  const { code, detail, retryable } = problem.data;
  return new FailedAttempt(code, detail, { again: passing && retryable, ...facts });
}

function jsonOrNull(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (error) {
    // A proxy in between answers with HTML: the schemas refuse the null.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

async function waitUnlessStopped(ms: number, stop: AbortSignal): Promise<void> {
  if (ms === 0) return;
  try {
    await delay(ms, undefined, { signal: stop });
  } catch (error) {
    stop.throwIfAborted();
    throw error;
  }
}

/** `fetch failed` says nothing: what failed is in the cause. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
}
