import { z } from 'zod';
import { Fault } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { GitUrl } from './git-names.ts';
import { CommitId, Id, Instant, Life } from './ids.ts';

/** The largest cache that goes through the Worker, whose requests have at most 100 MB. */
export const CACHE_MAX_BYTES = 95_000_000;

/**
 * What a rig's remote had when it was last restored, as packs with their indexes in one tar. `tips` are commits that the
 * remote named as branches; the packs hold all that these lead to, in a `blobless` cache without the contents of old files.
 */
export const RepoCache = z.object({
  gitUrl: GitUrl,
  tips: z.array(CommitId).min(1).max(50),
  blobless: z.boolean(),
  bytes: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  at: Instant,
});
export type RepoCache = z.infer<typeof RepoCache>;

/**
 * What a restore does with caches: `stored` is what the rig has, `use` whether to begin with it, `store` whether a new one
 * may be stored when nothing was restored for `quietSeconds`.
 */
export const CacheOrders = z.object({
  stored: RepoCache.nullable(),
  use: z.boolean(),
  store: z.boolean(),
  quietSeconds: z.number().nonnegative(),
});
export type CacheOrders = z.infer<typeof CacheOrders>;

/** What became of the cache that a restore began with; the Rig forgets one that has a `fault`. */
export const CacheOutcome = z.object({ sha256: z.string(), ms: z.number(), fault: Fault.nullable() });
export type CacheOutcome = z.infer<typeof CacheOutcome>;

/** A cache on its way to the bucket, and which rig of which life it is of. */
export const CacheOffer = z.object({ life: Life, rig: Id, cache: RepoCache });
export type CacheOffer = z.infer<typeof CacheOffer>;

/** Which cache a control server wants. */
export const CacheWanted = z.object({ life: Life, rig: Id, sha256: z.string() });
export type CacheWanted = z.infer<typeof CacheWanted>;

/** The header in which an upload carries its CacheOffer, as base64url of JSON; the body is the tar. */
export const CACHE_HEADER = 'relight-repo-cache';

/** The calls whose body or answer is a tar, not JSON; they are streamed. */
export const CACHE_CALLS = {
  upload: { method: 'PUT', path: '/callback/repo-caches' },
  download: { method: 'POST', path: '/callback/repo-caches/wanted' },
} as const satisfies Record<string, Pick<Exchange, 'method' | 'path'>>;
