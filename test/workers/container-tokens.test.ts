import { env, runInDurableObject } from 'cloudflare:test';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { readContainerToken, signStartToken } from '../../src/platform/token.ts';
import {
  beat,
  comeBack,
  everythingOf,
  jsonOf,
  lifeOf,
  litTown,
  loseContainer,
  machineOf,
  patiently,
  problemCode,
  settled,
  sightingOf,
  travel,
} from './scene.ts';
import { bootId, callback, latestRecovery, makeTown, operator, tokenOf } from './town.ts';
import type { Asked } from './town.ts';

const KEY = 'container-token-key';
const MINUTE_MS = 60_000;

afterEach(comeBack);

const heartbeatOf = (town: string, n = 1) => ({ bootId: bootId(town, n), at: Date.now(), agents: [] });
const checkpointOf = (town: string, n = 1) => ({
  life: lifeOf(town, n),
  rig: 'hono',
  agent: 'ada',
  bead: 'bead-ada',
  head: null,
  data: 'stolen',
});

/** The town's second boot, as far along as its first one was. */
async function relight(town: string, asked: Asked): Promise<void> {
  await loseContainer(town);
  asked.sightings = [];
  await jsonOf(operator('POST', `/api/towns/${town}/container`, { action: 'start' }));
  await vi.waitFor(async () => {
    expect(await latestRecovery(town)).toMatchObject({ generation: 2, status: 'complete' });
    expect(asked.starts.at(-1)?.life.generation).toBe(2);
  }, patiently);
  asked.sightings = [sightingOf(asked, 'ada')];
  await beat(town, asked, 2);
}

/** The token that a heartbeat with `token` is answered with. */
async function renewed(town: string, token: string): Promise<string | undefined> {
  const answer = await jsonOf(callback(town, 'heartbeat', heartbeatOf(town), token));
  return z.object({ token: z.string().optional() }).parse(answer).token;
}

/** The town was lit by the release before: its container has that release's token, and the Town has noted no start. */
async function asOfEarlierRelease(town: string): Promise<string> {
  const old = await signStartToken(town, null, KEY);
  await runInDurableObject(env.TOWN.getByName(town), (_, { storage }) => {
    storage.sql.exec('UPDATE town SET start = NULL');
  });
  await runInDurableObject(env.TOWN_CONTAINER.getByName(town), (_, { storage }) => storage.delete('start'));
  machineOf(town).token = old;
  return old;
}

describe("a start's token", () => {
  it('is exchanged for one of the boot by its announcement, and is worth nothing once that is used', async () => {
    await litTown('swap');
    const { token } = machineOf('swap');
    const second = await callback('swap', 'boot', { bootId: bootId('swap', 1), bootedAt: 1 }, token);
    expect(await problemCode(second, 401), 'the heartbeats of the boot had its own token').toBe(
      'unauthorized',
    );
    const known = await everythingOf('swap');
    const answer = await callback('swap', 'checkpoint', checkpointOf('swap'), token);
    expect(await problemCode(answer, 401)).toBe('unauthorized');
    expect(await everythingOf('swap')).toEqual(known);
  });

  it('is answered with a token of the boot, for that boot and an hour at most', async () => {
    await makeTown('renewed');
    await jsonOf(operator('POST', '/api/towns/renewed/container', { action: 'start' }));
    await settled('renewed', 'complete');
    const { token } = machineOf('renewed');
    const announcement = { bootId: bootId('renewed', 1), bootedAt: 1 };
    const first = z
      .object({ token: z.string() })
      .parse(await jsonOf(callback('renewed', 'boot', announcement, token)));
    const again = await jsonOf(callback('renewed', 'boot', announcement, token));
    expect(again.token, 'an announcement whose answer was lost').toBe(first.token);
    const { boot, start, expiresAt } = await readContainerToken(first.token, KEY);
    expect({ boot, start }).toEqual({ boot: bootId('renewed', 1), start: null });
    const left = (expiresAt ?? 0) - Date.now() / 1000;
    expect(left).toBeGreaterThan(29 * 60);
    expect(left).toBeLessThanOrEqual(60 * 60);
  });

  it('of an earlier start is told that its life is over', async () => {
    const asked = await litTown('former');
    const { token } = machineOf('former');
    await relight('former', asked);
    const known = await everythingOf('former');
    for (const n of [1, 2, 3]) {
      const announcement = { bootId: bootId('former', n), bootedAt: 1 };
      const answer = await callback('former', 'boot', announcement, token);
      expect(await problemCode(answer, 409)).toBe('stale_generation');
    }
    expect(await everythingOf('former')).toEqual(known);
  });
});

describe("a boot's token", () => {
  it('is renewed by heartbeats in time, and refused once it has expired', async () => {
    await litTown('hourly');
    const token = await tokenOf('hourly');
    expect(await renewed('hourly', token)).toBeUndefined();
    travel(31 * MINUTE_MS);
    const next = await renewed('hourly', token);
    expect(next).not.toBe(token);
    travel(30 * MINUTE_MS);
    const late = await callback('hourly', 'heartbeat', heartbeatOf('hourly'), token);
    expect(await problemCode(late, 401)).toBe('unauthorized');
    expect((await callback('hourly', 'heartbeat', heartbeatOf('hourly'), next)).status).toBe(200);
  });

  it('of an earlier boot changes nothing, whichever life its message claims', async () => {
    const asked = await litTown('robbed');
    await relight('robbed', asked);
    const known = await everythingOf('robbed');
    const stolen = await tokenOf('robbed', bootId('robbed', 1));
    for (const [n, status, code] of [
      [1, 409, 'stale_generation'],
      [2, 401, 'unauthorized'],
    ] as const) {
      const answers = [
        await callback('robbed', 'checkpoint', checkpointOf('robbed', n), stolen),
        await callback('robbed', 'heartbeat', heartbeatOf('robbed', n), stolen),
        await callback('robbed', 'boot', { bootId: bootId('robbed', n), bootedAt: 1 }, stolen),
      ];
      for (const answer of answers) expect(await problemCode(answer, status)).toBe(code);
    }
    expect(await everythingOf('robbed')).toEqual(known);
  });

  it('comes with every control call too: a boot that could not reach the Worker in time needs one', async () => {
    await litTown('cut-off');
    expect((await operator('GET', '/api/towns/cut-off/rigs/hono/agents/ada/log')).status).toBe(200);
    const { handedOver } = machineOf('cut-off');
    expect(await readContainerToken(handedOver ?? '', KEY)).toMatchObject({ boot: bootId('cut-off', 1) });
  });
});

describe('a token of the release before', () => {
  it('keeps its container going until the next start, both ways, and is refused from then on', async () => {
    const asked = await litTown('upgraded');
    const old = await asOfEarlierRelease('upgraded');
    const saved = await jsonOf(callback('upgraded', 'checkpoint', checkpointOf('upgraded'), old));
    expect(saved.seq).toBeGreaterThan(0);
    expect(await renewed('upgraded', old)).toBeTypeOf('string');
    expect((await operator('GET', '/api/towns/upgraded/rigs/hono/agents/ada/log')).status).toBe(200);
    await relight('upgraded', asked);
    const known = await everythingOf('upgraded');
    for (const n of [1, 2]) {
      const answer = await callback('upgraded', 'checkpoint', checkpointOf('upgraded', n), old);
      expect(await problemCode(answer, 409)).toBe('stale_generation');
    }
    expect(await everythingOf('upgraded')).toEqual(known);
  });

  it('opens no town that this release has made', async () => {
    await jsonOf(operator('PUT', '/api/towns/newborn', {}));
    const old = await signStartToken('newborn', null, KEY);
    const answer = await callback('newborn', 'boot', { bootId: bootId('newborn', 1), bootedAt: 1 }, old);
    expect(await problemCode(answer, 409)).toBe('stale_generation');
  });
});
