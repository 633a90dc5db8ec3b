import { env, SELF } from 'cloudflare:test';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { CALLBACKS } from '../../src/contract/callbacks.ts';
import { BUNDLE_CALLS, OFFER_HEADER } from '../../src/contract/snapshot.ts';
import type { Snapshot } from '../../src/contract/snapshot.ts';
import { snapshotOf } from './snapshot.ts';
import { addRig, bootId, callback, makeTown, operator, tokenOf } from './town.ts';

const TOWN = 'snapped';
const AGENT = `/api/towns/${TOWN}/rigs/hono/agents/ada`;
const life = { bootId: bootId(TOWN, 1), generation: 1 };

beforeAll(async () => {
  const asked = await makeTown(TOWN);
  await addRig(TOWN, 'hono', ['ada']);
  await vi.waitFor(() => expect(asked.starts).toHaveLength(1), { timeout: 15_000 });
});

async function bundled(seq: number, bundle: string, more: Partial<Snapshot> = {}): Promise<Snapshot> {
  const bytes = new TextEncoder().encode(bundle);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return snapshotOf(seq, {
    leftOut: [{ path: 'big "file"\n', reason: 'too large' }],
    leftOutCount: 1,
    bytes: bytes.byteLength,
    sha256: [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
    ...more,
  });
}

async function upload(snapshot: Snapshot, bundle: string, offer: object = {}): Promise<Response> {
  const json = JSON.stringify({ life, rig: 'hono', agent: 'ada', snapshot, ...offer });
  return SELF.fetch('https://relight.test/callback/snapshots', {
    method: 'PUT',
    headers: {
      authorization: `Bearer ${await tokenOf(TOWN)}`,
      [OFFER_HEADER]: btoa(json).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''),
    },
    body: bundle,
  });
}

async function recorded(): Promise<number[]> {
  const { snapshots } = await (await operator('GET', `${AGENT}/snapshots`)).json<{ snapshots: Snapshot[] }>();
  return snapshots.map(({ seq }) => seq);
}

async function bundlesInStore(): Promise<string[]> {
  return (await env.SNAPSHOTS.list({ prefix: `${TOWN}/` })).objects.map(({ key }) => key);
}

describe('the calls that carry snapshots', () => {
  it.each([BUNDLE_CALLS.upload, BUNDLE_CALLS.download, CALLBACKS.snapshotPushed])(
    'are refused without the token of a container: $path',
    async ({ method, path }) => {
      const answer = await SELF.fetch(`https://relight.test${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
      expect(answer.status).toBe(401);
    },
  );
});

describe('invariant 5: a recorded snapshot can be fetched', () => {
  it('is stored under its checksum, recorded, and comes back byte for byte', async () => {
    const bundle = 'bundle of one\u0000\u00ff';
    expect((await upload(await bundled(1, bundle), bundle)).status).toBe(204);
    expect(await recorded()).toEqual([1]);
    const back = await callback(TOWN, 'snapshots/wanted', {
      life,
      rig: 'hono',
      agent: 'ada',
      generation: 1,
      seq: 1,
    });
    expect(new TextDecoder().decode(await back.arrayBuffer())).toBe(bundle);
    const agent = await (await operator('GET', AGENT)).json<{ snapshot: unknown; atRisk: unknown }>();
    expect(agent).toMatchObject({ snapshot: { seq: 1, leftOutCount: 1 }, atRisk: null });
  });

  it('is recorded once when its upload is repeated, because the first answer was lost', async () => {
    const bundle = 'again';
    const snapshot = await bundled(2, bundle);
    for (let time = 1; time <= 2; time += 1) expect((await upload(snapshot, bundle)).status).toBe(204);
    expect(await recorded()).toEqual([2, 1]);
    expect(await bundlesInStore()).toHaveLength(2);
  });

  it('is refused and leaves nothing when its bytes are not what its checksum says', async () => {
    const before = [await recorded(), await bundlesInStore()];
    const answer = await upload(await bundled(3, 'what was meant'), 'what arrived..');
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ code: 'snapshot_corrupt', retryable: true });
    await vi.waitFor(async () => expect([await recorded(), await bundlesInStore()]).toEqual(before));
  });

  it('is refused and leaves nothing when it is cut short or too long', async () => {
    const before = [await recorded(), await bundlesInStore()];
    expect((await upload(await bundled(3, 'all of it'), 'all of')).ok).toBe(false);
    expect((await upload(await bundled(3, 'all of it'), 'all of it and more')).ok).toBe(false);
    await vi.waitFor(async () => expect([await recorded(), await bundlesInStore()]).toEqual(before));
  });

  it.each([
    ['an earlier generation', { life: { ...life, generation: 7 } }, {}, 'stale_generation'],
    ['another bead', {}, { bead: 'other' }, 'bead_not_hooked'],
    ['an unknown agent', { agent: 'nobody' }, {}, 'unknown_agent'],
  ])('is refused for %s', async (_, offer, more, code) => {
    const before = [await recorded(), await bundlesInStore()];
    const answer = await upload(await bundled(3, 'x', more), 'x', offer);
    expect(await answer.json()).toMatchObject({ code });
    await vi.waitFor(async () => expect([await recorded(), await bundlesInStore()]).toEqual(before));
  });

  it('makes all but the newest three superfluous, and never gives way to an older one', async () => {
    for (const seq of [4, 5, 6, 7])
      expect((await upload(await bundled(seq, `b${seq}`), `b${seq}`)).status).toBe(204);
    expect(await recorded()).toEqual([7, 6, 5]);
    expect(await bundlesInStore()).toHaveLength(3);
    expect(await (await upload(await bundled(6, 'late'), 'late')).json()).toMatchObject({
      code: 'snapshot_stale',
    });
    expect(await recorded()).toEqual([7, 6, 5]);
    await vi.waitFor(async () => expect(await bundlesInStore()).toHaveLength(3));
  });

  it('goes with the bead', async () => {
    expect((await operator('DELETE', `${AGENT}/hook`)).status).toBe(204);
    expect(await recorded()).toEqual([]);
    expect(await bundlesInStore()).toEqual([]);
  });
});
