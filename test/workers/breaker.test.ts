import { env, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BREAKER_BEADS, BREAKER_REST_MS } from '../../src/rules/breaker.ts';
import { Town } from '../../src/objects/town.ts';
import { beat, comeBack, jsonOf, lifeOf, litTown, patiently, sightingOf, travel, viewOf } from './scene.ts';
import { addRig, agentStatus, callback, operator } from './town.ts';
import type { Asked } from './town.ts';

afterEach(comeBack);

const CREW = Array.from({ length: BREAKER_BEADS }, (_, n) => `a${n}`);

async function exit(town: string, asked: Asked, agent: string): Promise<void> {
  const facts = { code: 1, signal: null, ranMs: 5_000, tail: 'no credit left' };
  const message = { life: lifeOf(town), ...sightingOf(asked, agent), cause: 'exited', exit: facts };
  expect((await callback(town, 'agent-exit', message)).status).toBe(204);
}

/** A town in which the beads of a whole crew have failed, one after the other. */
async function brokenTown(town: string): Promise<Asked> {
  const asked = await litTown(town, CREW);
  await runInDurableObject(env.RIG.getByName(`${town}/hono`), (_, { storage }) => {
    storage.sql.exec('UPDATE agents SET attempts = 4');
  });
  for (const agent of CREW.slice(1)) await exit(town, asked, agent);
  expect(await viewOf(town)).toMatchObject({ state: 'lit', heldUntil: null, fault: null });
  await exit(town, asked, 'a0');
  return asked;
}

const alarm = (town: string) => runDurableObjectAlarm(env.RIG.getByName(`${town}/hono`));
const startsOf = (asked: Asked, agents: readonly string[]) =>
  asked.starts.map(({ agent }) => agent).filter((agent) => agents.includes(agent));

describe('beads fail all over the town', () => {
  it('no agent is started any more, which the town says; one may try after a rest, and lets all others go', async () => {
    const asked = await brokenTown('broke');
    expect(await viewOf('broke')).toMatchObject({
      state: 'degraded',
      heldUntil: expect.any(Number),
      fault: { code: 'beads_failing', reason: expect.stringMatching(/^20 beads.*hono\/a0\/bead-a0.*replay/) },
    });
    expect(await agentStatus('broke', 'hono', 'a0')).toMatchObject({
      status: 'failed',
      attempts: 5,
      lastExit: { tail: 'no credit left' },
    });
    await addRig('broke', 'hono', ['ada', 'eve']);
    await vi.waitFor(async () => {
      const rig = await jsonOf(operator('GET', '/api/towns/broke/rigs/hono'));
      expect(rig).toMatchObject({ heldUntil: expect.any(Number) });
    }, patiently);
    await alarm('broke');
    expect(startsOf(asked, ['ada', 'eve'])).toEqual([]);
    expect(await agentStatus('broke', 'hono', 'ada')).toMatchObject({ status: 'pending', attempts: 0 });

    travel(BREAKER_REST_MS);
    await alarm('broke');
    await vi.waitFor(() => expect(startsOf(asked, ['ada', 'eve'])).toHaveLength(1), patiently);
    const [probe = ''] = startsOf(asked, ['ada', 'eve']);
    await alarm('broke');
    await exit('broke', asked, probe);
    travel(60_000);
    await alarm('broke');
    expect(startsOf(asked, ['ada', 'eve'])).toHaveLength(1);
    expect(await viewOf('broke')).toMatchObject({ state: 'degraded' });

    travel(BREAKER_REST_MS);
    await vi.waitFor(async () => {
      await alarm('broke');
      expect(startsOf(asked, ['ada', 'eve'])).toHaveLength(2);
    }, patiently);
    const second = asked.starts.at(-1)?.agent ?? '';
    const sighting = { ...sightingOf(asked, second), startedAt: Date.now() - 600_000 };
    await beat('broke', { sightings: [sighting] });
    expect(await viewOf('broke')).toMatchObject({ heldUntil: null, fault: null });
    await vi.waitFor(async () => {
      await alarm('broke');
      expect(new Set(startsOf(asked, ['ada', 'eve']))).toEqual(new Set(['ada', 'eve']));
    }, patiently);
  });

  it('a replay by hand lets all start again', async () => {
    const asked = await brokenTown('relit');
    await addRig('relit', 'hono', ['ada']);
    await alarm('relit');
    expect(startsOf(asked, ['ada'])).toEqual([]);
    await jsonOf(operator('POST', '/api/towns/relit/recoveries', {}));
    expect(await viewOf('relit')).toMatchObject({ heldUntil: null });
    await vi.waitFor(() => expect(startsOf(asked, ['ada'])).toHaveLength(1), patiently);
  });

  it('a town that fails less is not held back, and a Rig starts agents also while its Town is away', async () => {
    const asked = await litTown('away');
    await exit('away', asked, 'ada');
    vi.spyOn(Town.prototype, 'startOrders').mockRejectedValue(new Error('the object was reset'));
    travel(60_000);
    await vi.waitFor(async () => {
      await alarm('away');
      expect(asked.starts).toHaveLength(2);
    }, patiently);
  });
});
