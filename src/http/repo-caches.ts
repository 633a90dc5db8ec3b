import { Hono } from 'hono';
import { RelightError } from '../contract/errors.ts';
import {
  CACHE_CALLS,
  CACHE_HEADER,
  CACHE_MAX_BYTES,
  CacheOffer,
  CacheWanted,
} from '../contract/repo-cache.ts';
import { rigOf, townOf } from '../objects/reach.ts';
import { CACHE_CODES, cacheBucketOf, newCacheKey } from '../platform/repo-caches.ts';
import { fetchFile, fileResponse, storeFile } from '../platform/stored-files.ts';
import { limitBody } from './guards.ts';
import type { Bindings } from './guards.ts';
import { readJson } from './json-body.ts';
import { readOffer } from './offer-header.ts';

/** Repository caches on their way out of the container and back: they are streamed, never held. */
export const repoCaches = new Hono<Bindings>();

repoCaches.use(CACHE_CALLS.download.path, limitBody);

repoCaches.on(CACHE_CALLS.upload.method, CACHE_CALLS.upload.path, async (c) => {
  const bucket = cacheBucketOf(c.env);
  const town = c.get('town');
  const { life, rig, cache } = readOffer(CacheOffer, CACHE_HEADER, c.req.header(CACHE_HEADER));
  const file = c.req.raw.body;
  if (file === null) throw new RelightError('invalid_request', 'an upload needs a cache');
  if (cache.bytes > CACHE_MAX_BYTES) {
    throw new RelightError('cache_too_large', `a cache has at most ${CACHE_MAX_BYTES} bytes`);
  }
  await townOf(c.env, town).admit(life, c.get('token'));
  const own = rigOf(c.env, town, rig);
  // Nothing is stored for a rig that is not there.
  await own.standing();
  const key = newCacheKey(town, rig);
  try {
    await storeFile(bucket, key, { ...cache, file }, CACHE_CODES);
    await own.recordCache(life, { ...cache, key });
  } catch (error) {
    // Nobody knows of it, so nobody else would delete it soon.
    c.executionCtx.waitUntil(bucket.delete(key));
    throw error;
  }
  return c.body(null, 204);
});

repoCaches.on(CACHE_CALLS.download.method, CACHE_CALLS.download.path, async (c) => {
  const town = c.get('town');
  const { life, rig, sha256 } = await readJson(c.req, CacheWanted);
  await townOf(c.env, town).admit(life, c.get('token'));
  const key = await rigOf(c.env, town, rig).cacheKey(life, sha256);
  return fileResponse(await fetchFile(cacheBucketOf(c.env), key, CACHE_CODES));
});
