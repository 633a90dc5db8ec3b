import type { RepoCache } from '../contract/repo-cache.ts';
import { endlessWaitMs } from './backoff.ts';
import { BACKOFFS } from './failure-policy.ts';

/** After so long a time what the remote has besides is taken to be too much. */
export const CACHE_MAX_AGE_MS = 30 * 24 * 60 * 60_000;

/** A cache and where the bucket has it. */
export type StoredCache = RepoCache & { readonly key: string };

/** What a Rig knows of its cache: `failures` are those in a row, the last one at `failedAt`. */
export interface CacheRecord {
  readonly stored: StoredCache | null;
  readonly failures: number;
  readonly failedAt: number;
}

export const NO_CACHE: CacheRecord = { stored: null, failures: 0, failedAt: 0 };

/**
 * Whether a restore begins with the stored cache, and whether a new one may be stored after it. One that failed is
 * forgotten at once; a rig whose caches go on failing is restored without for longer and longer.
 */
export function planCache(
  { stored, failures, failedAt }: CacheRecord,
  now: number,
): { use: boolean; store: boolean } {
  const waitMs = failures === 0 ? 0 : endlessWaitMs(BACKOFFS.cacheStored, failures, 0);
  return { use: stored !== null && now - stored.at <= CACHE_MAX_AGE_MS, store: now - failedAt >= waitMs };
}
