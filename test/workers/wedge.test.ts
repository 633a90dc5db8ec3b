import { env, evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { FakeBoot } from './fake-container.ts';
import { comeBack, litTown, machineOf, patiently, tick, travel, viewOf } from './scene.ts';
import { agentStatus, makeTown, operator } from './town.ts';

afterEach(comeBack);

const GRACE_MS = 60_000;

/** The control server goes on running, and answers no call any more. */
function wedge(town: string, silent: FakeBoot['silent'] = true): void {
  const { running } = machineOf(town);
  if (running !== null) running.silent = silent;
}

/** Lets the watchdog look until the town is seen to be wedged. */
async function untilWedged(town: string): Promise<void> {
  for (const _ of [1, 2, 3]) await tick(town);
  expect(await viewOf(town)).toMatchObject({ state: 'degraded', fault: { code: 'control_wedged' } });
}

describe('control server wedged', () => {
  it.each<[string, FakeBoot['silent']]>([
    ['never answers', true],
    ['answers nothing but errors', 'errors'],
  ])(
    'that %s is ended and started again after its grace, also across a Durable Object reset',
    async (_, how) => {
      const town = `wedged-${String(how)}`;
      const asked = await litTown(town);
      wedge(town, how);
      await tick(town);
      await tick(town);
      expect(await viewOf(town)).toMatchObject({ state: 'lit', fault: null });
      await evictDurableObject(env.TOWN.getByName(town));
      await tick(town);
      expect(await viewOf(town)).toMatchObject({ state: 'degraded', fault: { code: 'control_wedged' } });
      travel(GRACE_MS - 1_000);
      await tick(town);
      expect(asked.boots).toBe(1);
      travel(1_000);
      await vi.waitFor(async () => {
        await tick(town);
        await runDurableObjectAlarm(env.RIG.getByName(`${town}/hono`));
        expect(asked.starts).toHaveLength(2);
      }, patiently);
      expect(await viewOf(town)).toMatchObject({ state: 'lit', generation: 2, fault: null });
      expect(await agentStatus(town, 'hono', 'ada')).toMatchObject({ attempts: 0 });
    },
  );

  it('that comes round in its grace is left alone', async () => {
    const asked = await litTown('round');
    wedge('round');
    await untilWedged('round');
    wedge('round', false);
    await tick('round');
    expect(await viewOf('round')).toMatchObject({ state: 'lit', fault: null });
    wedge('round');
    travel(GRACE_MS);
    for (const _ of [1, 2]) await tick('round');
    expect(asked.boots).toBe(1);
  });

  it('is ended three times in half an hour, is then shown with the time of the next try, and is tried again', async () => {
    const asked = await litTown('hopeless');
    for (const boots of [1, 2, 3]) {
      wedge('hopeless');
      await untilWedged('hopeless');
      travel(GRACE_MS);
      await vi.waitFor(async () => {
        await tick('hopeless');
        expect(asked.boots).toBe(boots + 1);
        expect(await viewOf('hopeless')).toMatchObject({ state: 'lit', generation: boots + 1 });
      }, patiently);
    }
    wedge('hopeless');
    await untilWedged('hopeless');
    for (const _ of [1, 2, 3]) {
      travel(2 * GRACE_MS);
      await tick('hopeless');
    }
    expect(asked.boots).toBe(4);
    expect(await viewOf('hopeless')).toMatchObject({
      state: 'degraded',
      fault: { code: 'control_wedged', reason: expect.stringMatching(/started again at \d{4}-/) },
    });
    travel(1_800_000);
    await vi.waitFor(async () => {
      await tick('hopeless');
      expect(asked.boots).toBe(5);
    }, patiently);
  });

  it('is ended also where it never had a boot that answered', async () => {
    const asked = await makeTown('mute');
    const machine = machineOf('mute');
    const { boot } = machine;
    machine.boot = () => ({ ...boot(), silent: true });
    expect((await operator('POST', '/api/towns/mute/container', { action: 'start' })).status).toBe(503);
    for (const _ of [1, 2, 3]) await tick('mute');
    travel(GRACE_MS);
    await tick('mute');
    expect(machine.running).toBeNull();
    expect(asked.boots).toBe(1);
  });
});
