import { RelightError } from '../../contract/errors.ts';
import type { Life } from '../../contract/ids.ts';
import { RepoCache } from '../../contract/repo-cache.ts';
import type { CacheOrders, CacheOutcome } from '../../contract/repo-cache.ts';
import { logEvent, logTrouble } from '../../platform/log.ts';
import { cacheBucket, sweepCaches } from '../../platform/repo-caches.ts';
import { NO_CACHE, planCache } from '../../rules/repo-cache.ts';
import type { CacheRecord, StoredCache } from '../../rules/repo-cache.ts';
import type { RigCore } from './core.ts';
import { admit, ownRow, updateOwn } from './life.ts';

/** An upload has ended by then, one way or the other: what is not recorded never will be. */
const UNRECORDED_FOR_MS = 15 * 60_000;

/** What a restore of the rig does with caches; nothing where the deployment has no bucket for them. */
export async function cacheOrders(
  core: RigCore,
  { gitUrl, history }: { gitUrl: string; history: string },
): Promise<CacheOrders | undefined> {
  const { env } = core;
  // The newest commits alone are no more bytes from the remote.
  if (cacheBucket(env) === null || history === 'shallow') return undefined;
  const { stored } = recordOf(core);
  // The rig has another address now: what the old one had is none of its business.
  if (stored !== null && stored.gitUrl !== gitUrl) await forget(core, NO_CACHE);
  const record = recordOf(core);
  return {
    ...planCache(record, Date.now()),
    stored: RepoCache.nullable().parse(record.stored),
    quietSeconds: Number(env.REPO_CACHE_QUIET_SECONDS),
  };
}

/** Where the bucket has the cache. Throws RelightError `unknown_cache` for any but the recorded one, `stale_generation`. */
export function cacheKey(core: RigCore, life: Life, sha256: string): string {
  admit(core.db, core.rig, life, Date.now());
  const { stored } = recordOf(core);
  if (stored?.sha256 === sha256) return stored.key;
  throw new RelightError('unknown_cache', `${core.rig} has no cache ${sha256}`);
}

/**
 * A cache is stored and verified: only now is it recorded, and then those before it are deleted. Throws RelightError
 * `stale_generation`, `unknown_rig`.
 */
export async function recordCache(core: RigCore, life: Life, stored: StoredCache): Promise<void> {
  const { town, rig, db } = core;
  admit(db, rig, life, Date.now());
  await forget(core, { ...recordOf(core), stored });
  logEvent('cache.recorded', { town, rig, bytes: stored.bytes, blobless: stored.blobless });
}

/** Forgets a cache that a restore could not use. */
export async function takeOutcome(core: RigCore, { sha256, fault }: CacheOutcome): Promise<void> {
  const record = recordOf(core);
  if (fault === null) {
    if (record.failures > 0) updateOwn(core.db, { repoCache: { ...record, failures: 0 } });
    return;
  }
  const isKnown = record.stored?.sha256 === sha256;
  if (!isKnown) return;
  const { town, rig } = core;
  logTrouble('cache.forgotten', new Error(fault.reason), { town, rig, code: fault.code });
  await forget(core, { stored: null, failures: record.failures + 1, failedAt: Date.now() });
}

/**
 * Deletes all caches of a rig that was erased; one whose upload ends later finds no rig to be recorded for. Throws what the
 * bucket fails with.
 */
export async function deleteCaches({ env, town, rig }: RigCore): Promise<void> {
  const bucket = cacheBucket(env);
  if (bucket !== null) await sweepCaches(bucket, { town, rig }, { kept: null, uploadedBefore: Date.now() });
}

/** Changes the record, then deletes what is not in it; what is left goes with the next cache, or with the rig. */
async function forget(core: RigCore, record: CacheRecord): Promise<void> {
  const { env, town, rig, db } = core;
  const before = recordOf(core).stored;
  updateOwn(db, { repoCache: record });
  const bucket = cacheBucket(env);
  if (bucket === null) return;
  try {
    if (before !== null) await bucket.delete(before.key);
    await sweepCaches(
      bucket,
      { town, rig },
      {
        kept: record.stored?.key ?? null,
        uploadedBefore: Date.now() - UNRECORDED_FOR_MS,
      },
    );
  } catch (error) {
    logTrouble('cache.not_deleted', error, { town, rig });
  }
}

function recordOf({ db, rig }: RigCore): CacheRecord {
  return ownRow(db, rig).repoCache ?? NO_CACHE;
}
