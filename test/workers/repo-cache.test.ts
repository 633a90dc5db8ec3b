import { env, SELF } from 'cloudflare:test';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { CACHE_CALLS, CACHE_HEADER, CACHE_MAX_BYTES } from '../../src/contract/repo-cache.ts';
import type { RepoCache } from '../../src/contract/repo-cache.ts';
import { cacheBucketOf } from '../../src/platform/repo-caches.ts';
import { jsonOf, comeBack, patiently, travel } from './scene.ts';
import { addRig, bootId, callback, goodReport, makeTown, operator, tokenOf } from './town.ts';
import type { Asked } from './town.ts';

const TOWN = 'cached';
const RIG = `/api/towns/${TOWN}/rigs/hono`;
const URL_OF_RIG = 'https://git.test/hono.git';
const life = { bootId: bootId(TOWN, 1), generation: 1 };
const bucket = cacheBucketOf(env);
let asked: Asked;

beforeAll(async () => {
  asked = await makeTown(TOWN);
  await addRig(TOWN, 'hono', ['ada']);
  await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
});

async function cacheFor(tar: string, more: Partial<RepoCache> = {}): Promise<RepoCache> {
  const bytes = new TextEncoder().encode(tar);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const known = { gitUrl: URL_OF_RIG, tips: ['a'.repeat(40)], blobless: true, at: Date.now() };
  return { ...known, bytes: bytes.byteLength, sha256, ...more };
}

async function upload(tar: string, more: Partial<RepoCache> = {}, offer: object = {}): Promise<Response> {
  const json = JSON.stringify({ life, rig: 'hono', cache: await cacheFor(tar, more), ...offer });
  return SELF.fetch(`https://relight.test${CACHE_CALLS.upload.path}`, {
    method: CACHE_CALLS.upload.method,
    headers: {
      authorization: `Bearer ${await tokenOf(TOWN)}`,
      [CACHE_HEADER]: btoa(json).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''),
    },
    body: tar,
  });
}

async function download(sha256: string, rig = 'hono', of = life): Promise<Response> {
  return callback(TOWN, 'repo-caches/wanted', { life: of, rig, sha256 });
}

async function inBucket(prefix = `${TOWN}/`): Promise<string[]> {
  return (await bucket.list({ prefix })).objects.map(({ key }) => key);
}

/** What the control server is told of caches with the next restore. */
async function ordersOf(rig = 'hono') {
  const before = asked.restores.length;
  expect((await operator('POST', `/api/towns/${TOWN}/recoveries`, { rigs: [rig] })).status).toBe(202);
  await vi.waitFor(() => expect(asked.restores.length).toBeGreaterThan(before), patiently);
  return asked.restores.at(-1)?.request.repoCache;
}

describe('the calls that carry repository caches', () => {
  it.each([CACHE_CALLS.upload, CACHE_CALLS.download])(
    'are refused without the token of a container: $path',
    async ({ method, path }) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await SELF.fetch(`https://relight.test${path}`, { method, headers, body: '{}' });
      expect(answer.status).toBe(401);
    },
  );
});

describe('the repository cache of a rig', () => {
  it('is stored under its checksum, named in the next restore, and comes back byte for byte', async () => {
    expect(await ordersOf()).toEqual({ stored: null, use: false, store: true, quietSeconds: 120 });
    const tar = 'packs\u0000\u00ff';
    expect((await upload(tar)).status).toBe(204);
    const { at: _, ...cache } = await cacheFor(tar);
    expect(await ordersOf()).toMatchObject({ stored: cache, use: true, store: true });
    const back = await download(cache.sha256);
    expect(new TextDecoder().decode(await back.arrayBuffer())).toBe(tar);
  });

  it('takes the place of the one before', async () => {
    expect((await upload('newer packs')).status).toBe(204);
    expect(await inBucket()).toHaveLength(1);
    const { sha256 } = await cacheFor('packs\u0000\u00ff');
    expect(await (await download(sha256)).json()).toMatchObject({ code: 'unknown_cache' });
  });

  it('takes along what was never recorded, once that can no longer be', async () => {
    await bucket.put(`${TOWN}/hono/orphan.tar`, 'never recorded');
    expect((await upload('soon')).status).toBe(204);
    expect(await inBucket()).toHaveLength(2);
    travel(16 * 60_000);
    expect((await upload('newer packs')).status).toBe(204);
    comeBack();
    expect(await inBucket()).toHaveLength(1);
  });

  it('is given to no other rig, and to no earlier life', async () => {
    const { sha256 } = await cacheFor('newer packs');
    await addRig(TOWN, 'other', ['eve']);
    expect(await (await download(sha256, 'other')).json()).toMatchObject({ code: 'unknown_cache' });
    const stale = await download(sha256, 'hono', { ...life, generation: 7 });
    expect(await stale.json()).toMatchObject({ code: 'stale_generation' });
  });

  it.each([
    ['of an earlier generation', {}, { life: { ...life, generation: 7 } }, 'stale_generation'],
    ['of a rig that is not there', {}, { rig: 'nobody' }, 'unknown_rig'],
    ['with another checksum', { sha256: 'f'.repeat(64) }, {}, 'cache_corrupt'],
    ['that is cut short', { bytes: 1_000 }, {}, 'cache_corrupt'],
    ['that is too large', { bytes: CACHE_MAX_BYTES + 1 }, {}, 'cache_too_large'],
    ['without commits', { tips: [] }, {}, 'invalid_request'],
  ])('is not replaced by one %s, of which nothing stays', async (_, more, offer, code) => {
    const before = await inBucket();
    expect(await (await upload('other packs', more, offer)).json()).toMatchObject({ code });
    await vi.waitFor(async () => expect(await inBucket()).toEqual(before), patiently);
    expect((await ordersOf())?.stored).toMatchObject({ sha256: (await cacheFor('newer packs')).sha256 });
  });

  it('is forgotten when a restore could not use it, unless it has been replaced since', async () => {
    const { sha256 } = await cacheFor('newer packs');
    const fault = { code: 'cache_corrupt', reason: 'it is damaged', retryable: true } as const;
    const tell = async (of: string) => {
      const request = asked.restores.at(-1)?.request;
      if (request === undefined) throw new Error('nothing was restored');
      const report = { ...goodReport('hono', request), cache: { sha256: of, ms: 1, fault } };
      const answer = await callback(TOWN, 'rig-report', { life, recoveryId: null, event: null, report });
      expect(answer.status).toBe(204);
    };
    await tell('e'.repeat(64));
    expect((await ordersOf())?.stored).toMatchObject({ sha256 });
    await tell(sha256);
    expect(await ordersOf()).toMatchObject({ stored: null, use: false, store: true });
    expect(await inBucket()).toEqual([]);
  });

  it('is forgotten when the rig gets another address', async () => {
    expect((await upload('of the old address')).status).toBe(204);
    const moved = 'https://git.test/elsewhere.git';
    expect((await operator('PUT', RIG, { gitUrl: moved })).status).toBe(200);
    expect(await ordersOf()).toMatchObject({ stored: null });
    expect(await inBucket()).toEqual([]);
    expect((await operator('PUT', RIG, { gitUrl: URL_OF_RIG })).status).toBe(200);
  });

  it('is none of a rig of which the newest commits are enough', async () => {
    const spec = { gitUrl: URL_OF_RIG, history: 'shallow' };
    expect((await operator('PUT', RIG, spec)).status).toBe(200);
    expect(await ordersOf()).toBeUndefined();
    expect((await operator('PUT', RIG, { gitUrl: URL_OF_RIG })).status).toBe(200);
  });

  it('goes with the rig, and so does what was never recorded', async () => {
    expect((await upload('of the rig')).status).toBe(204);
    await bucket.put(`${TOWN}/hono/orphan.tar`, 'never recorded');
    await bucket.put(`${TOWN}/honolulu/1.tar`, 'of another rig');
    expect(await jsonOf(operator('DELETE', RIG))).toEqual({ left: [] });
    expect(await inBucket()).toEqual([`${TOWN}/honolulu/1.tar`]);
    expect(await (await upload('too late')).json()).toMatchObject({ code: 'unknown_rig' });
    await vi.waitFor(async () => expect(await inBucket()).toHaveLength(1), patiently);
  });

  it('goes with the town', async () => {
    expect((await upload('of the town', {}, { rig: 'other' })).status).toBe(204);
    expect(await inBucket(`${TOWN}/other/`)).toHaveLength(1);
    expect(await jsonOf(operator('DELETE', `/api/towns/${TOWN}`))).toEqual({ left: [] });
    expect(await inBucket(`${TOWN}/other/`)).toEqual([]);
  });
});
