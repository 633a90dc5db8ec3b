import { RelightError } from '../contract/errors.ts';
import type { FileCodes } from './stored-files.ts';

/** How the store of repository caches fails. */
export const CACHE_CODES: FileCodes = {
  unknown: 'unknown_cache',
  corrupt: 'cache_corrupt',
  store: 'cache_store',
};

/** The bucket of repository caches; null in a deployment that does not bind `REPO_CACHE`. */
export function cacheBucket(env: Env): R2Bucket | null {
  const bound: unknown = Reflect.get(env, 'REPO_CACHE');
  return isBucket(bound) ? bound : null;
}

function isBucket(bound: unknown): bound is R2Bucket {
  return typeof bound === 'object' && bound !== null && 'put' in bound && 'list' in bound;
}

/** The same. Throws RelightError `cache_store` where there is none. */
export function cacheBucketOf(env: Env): R2Bucket {
  const bucket = cacheBucket(env);
  if (bucket === null) throw new RelightError('cache_store', 'this deployment has no bucket REPO_CACHE');
  return bucket;
}

/** A key that no other upload has. */
export function newCacheKey(town: string, rig: string): string {
  return `${town}/${rig}/${crypto.randomUUID()}.tar`;
}

/** Deletes the caches of a rig that were uploaded before a time, in epoch milliseconds, all but the one at `kept`. */
export async function sweepCaches(
  bucket: R2Bucket,
  { town, rig }: { town: string; rig: string },
  { kept, uploadedBefore }: { kept: string | null; uploadedBefore: number },
): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await bucket.list({
      prefix: `${town}/${rig}/`,
      ...(cursor === undefined ? {} : { cursor }),
    });
    const old = page.objects.filter(({ uploaded }) => uploaded.getTime() <= uploadedBefore);
    const left = old.map(({ key }) => key).filter((key) => key !== kept);
    if (left.length > 0) await bucket.delete(left);
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
}
