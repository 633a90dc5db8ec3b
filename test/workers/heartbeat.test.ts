import { env, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  beat,
  comeBack,
  everythingOf,
  jsonOf,
  litTown,
  machineOf,
  patiently,
  sightingOf,
  tick,
  viewOf,
} from './scene.ts';
import { addRig, agentStatus, bootId, callback, latestRecovery, makeTown, operator } from './town.ts';

afterEach(comeBack);

const act = (town: string, action: string) => operator('POST', `/api/towns/${town}/container`, { action });

describe('invariant 11: only agents that run keep a town awake', () => {
  it('a heartbeat renews the container while an agent runs, and neither without one nor for an ended one', async () => {
    const asked = await litTown('awake');
    const machine = machineOf('awake');
    machine.renewals = 0;
    await beat('awake', asked);
    expect(machine.renewals).toBe(1);
    await beat('awake', { sightings: [sightingOf(asked, 'ada', 'exited')] });
    await beat('awake', { sightings: [] });
    expect(machine.renewals).toBe(1);
  });

  it('neither recoveries nor alarms nor questions renew it', async () => {
    await litTown('asleep');
    const machine = machineOf('asleep');
    machine.renewals = 0;
    await jsonOf(operator('POST', '/api/towns/asleep/recoveries', {}));
    await vi.waitFor(
      async () =>
        expect(await latestRecovery('asleep')).toMatchObject({ trigger: 'replay', status: 'complete' }),
      patiently,
    );
    await tick('asleep');
    await runDurableObjectAlarm(env.RIG.getByName('asleep/hono'));
    await everythingOf('asleep');
    expect(machine.renewals).toBe(0);
  });
});

describe('a heartbeat', () => {
  it('that misses a working agent sends it back to pending, with no attempt counted', async () => {
    const asked = await litTown('vanished');
    expect(await jsonOf(beat('vanished', { sightings: [] }))).toMatchObject({ generation: 1 });
    await vi.waitFor(() => expect(asked.starts).toHaveLength(2), patiently);
    expect(await agentStatus('vanished', 'hono', 'ada')).toMatchObject({ status: 'starting', attempts: 0 });
  });

  it('that misses an agent whose start is on its way changes nothing', async () => {
    const asked = await makeTown('underway');
    await addRig('underway', 'hono', ['ada']);
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
    await beat('underway', { sightings: [] });
    expect(await agentStatus('underway', 'hono', 'ada')).toMatchObject({ status: 'starting' });
    expect(asked.starts).toHaveLength(1);
  });

  it('that names a process of another bead, another agent or a removed rig has it stopped', async () => {
    const asked = await litTown('strays');
    const ada = sightingOf(asked, 'ada');
    const strays = [
      { ...ada, agent: 'ghost' },
      { ...ada, rig: 'removed', agent: 'bob' },
    ];
    await beat('strays', { sightings: [ada, ...strays] });
    expect(asked.stops.toSorted()).toEqual(['hono/ghost', 'removed/bob']);
    expect(await agentStatus('strays', 'hono', 'ada')).toMatchObject({ status: 'working' });
    await beat('strays', { sightings: [{ ...ada, bead: 'old-bead' }] });
    expect(asked.stops.at(-1)).toBe('hono/ada');
    await vi.waitFor(() => expect(asked.starts).toHaveLength(2), patiently);
  });

  it('wins over any other opinion: an agent that it names works', async () => {
    const asked = await litTown('fresh');
    await runInDurableObject(env.RIG.getByName('fresh/hono'), async (_, { storage }) => {
      storage.sql.exec(`UPDATE agents SET status = 'stalled', startId = NULL`);
      await storage.deleteAlarm();
    });
    await beat('fresh', asked);
    expect(await agentStatus('fresh', 'hono', 'ada')).toMatchObject({ status: 'working' });
  });

  it('shows how the disk of the container is, and may come from an image that does not measure it', async () => {
    await litTown('disk');
    const boot = { bootId: bootId('disk', 1), at: Date.now(), agents: [] };
    const figures = { freeBytes: 5e9, totalBytes: 2e10, freeInodes: 1_000 };
    const told = async (disk: object) => {
      await jsonOf(callback('disk', 'heartbeat', { ...boot, ...disk }));
      return (await viewOf('disk')).boot;
    };
    expect(await told({ disk: figures })).toMatchObject({ disk: figures });
    expect(await told({})).toMatchObject({ disk: null });
    const { freeInodes: _, ...bytes } = figures;
    expect(await told({ disk: bytes })).toMatchObject({ disk: { ...bytes, freeInodes: null } });
  });

  it('is told which of the rigs on its disk the town does not have, and never one that was registered again', async () => {
    await litTown('lean');
    await addRig('lean', 'zod', []);
    const rigs = ['hono', 'zod', 'ghost'];
    const boot = { bootId: bootId('lean', 1), at: Date.now(), agents: [], rigs };
    const erased = async () => (await jsonOf(callback('lean', 'heartbeat', boot))).erased;
    expect(await erased()).toEqual(['ghost']);
    expect((await operator('DELETE', '/api/towns/lean/rigs/zod')).ok).toBe(true);
    expect(await erased()).toEqual(['zod', 'ghost']);
    await addRig('lean', 'zod', []);
    expect(await erased()).toEqual(['ghost']);
  });

  it('is answered with the generation once the boot is accepted, and with null before', async () => {
    await makeTown('unknown');
    expect(await jsonOf(beat('unknown', { sightings: [] }))).toMatchObject({ generation: null });
    await jsonOf(act('unknown', 'start'));
    await vi.waitFor(async () => {
      expect(await jsonOf(beat('unknown', { sightings: [] }))).toMatchObject({ generation: 1 });
    }, patiently);
  });
});
