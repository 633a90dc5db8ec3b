import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { execa } from 'execa';
import { RelightError } from '../../src/contract/errors.ts';
import type { RepoCache } from '../../src/contract/repo-cache.ts';
import type { Owner } from '../files/owner.ts';

/** So long without a byte, and a fetch would have been faster. */
const STALL_MS = 5_000;

/** A cache that comes more slowly than this after a while is of no use, in bytes a second. */
const SLOWEST = 2_000_000;

/** Where a cache is put, and what it has to be. */
export interface Unpacking {
  readonly cache: Pick<RepoCache, 'bytes' | 'sha256'>;
  readonly dir: string;
  readonly owner: Owner | null;
  readonly signal: AbortSignal;
  readonly stallMs?: number;
}

/**
 * Extracts a tar into `dir` as it comes, as the user `owner`. What is in `dir` counts only once this returns: then all of it
 * came, with the checksum that it has to have. Throws RelightError `cache_corrupt` or `cache_store`, or the signal's reason.
 */
export async function unpack(
  open: (signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>,
  { cache, dir, owner, signal, stallMs = STALL_MS }: Unpacking,
): Promise<void> {
  const slow = new AbortController();
  const giveUp = (): void => slow.abort(new RelightError('cache_store', 'it comes too slowly to be of use'));
  const stall = setTimeout(giveUp, stallMs);
  const deadline = setTimeout(giveUp, 2 * stallMs + (cache.bytes / SLOWEST) * 1000);
  const stop = AbortSignal.any([signal, slow.signal]);
  const state = { complete: false, fault: null as unknown };
  try {
    const body = await open(stop);
    const arrived = whenArrived(body, cache, { stop, state, alive: () => stall.refresh() });
    await execa('tar', ['-x', '-o', '-f', '-', '-C', dir], {
      ...owner,
      stdin: arrived,
      cancelSignal: stop,
    });
  } catch (error) {
    stop.throwIfAborted();
    if (state.fault instanceof RelightError) throw state.fault;
    if (error instanceof RelightError) throw error;
    throw new RelightError('cache_corrupt', `it cannot be extracted: ${String(error)}`, { cause: error });
  } finally {
    clearTimeout(stall);
    clearTimeout(deadline);
  }
  if (!state.complete) throw new RelightError('cache_corrupt', 'it has more behind its end');
}

interface Arrival {
  readonly stop: AbortSignal;
  readonly state: { complete: boolean; fault: unknown };
  readonly alive: () => void;
}

/** Hands on what comes, and holds it against length and checksum. */
async function* whenArrived(
  body: ReadableStream<Uint8Array>,
  { bytes, sha256 }: Unpacking['cache'],
  { stop, state, alive }: Arrival,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let arrived = 0;
  try {
    for await (const chunk of Readable.fromWeb(body, { signal: stop })) {
      alive();
      arrived += chunk.length;
      if (arrived > bytes) break;
      hash.update(chunk);
      yield chunk;
    }
  } catch (error) {
    stop.throwIfAborted();
    state.fault = new RelightError('cache_store', `it broke off: ${String(error)}`, { cause: error });
    throw state.fault;
  }
  if (arrived !== bytes || hash.digest('hex') !== sha256) {
    state.fault = new RelightError(
      'cache_corrupt',
      `${arrived} bytes came that are not the ${bytes} that were stored`,
    );
    throw state.fault;
  }
  state.complete = true;
}
