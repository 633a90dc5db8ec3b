import { env, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { machines } from './fake-container.ts';
import {
  comeBack,
  jsonOf,
  lifeOf,
  litTown,
  loseContainer,
  machineOf,
  patiently,
  problemCode,
  readUntil,
  tick,
  travel,
  viewOf,
} from './scene.ts';
import { addRig, agentStatus, callback, latestRecovery, makeTown, operator } from './town.ts';

afterEach(comeBack);

const townAt = (town: string) => env.TOWN.getByName(town);
const act = (town: string, action: string) => operator('POST', `/api/towns/${town}/container`, { action });
const alarmOf = (town: string) => runInDurableObject(townAt(town), (_, { storage }) => storage.getAlarm());

/** The town's control server goes on running, and answers nothing more. */
function silence(town: string): void {
  const { running } = machineOf(town);
  if (running !== null) running.silent = true;
}

describe('the watchdog', () => {
  it('container dies: starts it again at once while agents are hooked, without counting it against them', async () => {
    const asked = await litTown('revived');
    machineOf('revived').running = null;
    await tick('revived');
    await vi.waitFor(() => expect(asked.boots).toBe(2), patiently);
    await vi.waitFor(() => expect(asked.starts).toHaveLength(2), patiently);
    expect(await agentStatus('revived', 'hono', 'ada')).toMatchObject({ attempts: 0 });
    expect(await viewOf('revived')).toMatchObject({ generation: 2, boot: { endedAt: null } });
  });

  it('container crash loop: backs off from a container that keeps dying, and says so', async () => {
    const asked = await litTown('dying');
    const waits: number[] = [];
    for (let deaths = 1; deaths <= 5; deaths += 1) {
      await vi.waitFor(async () => {
        expect(asked.boots).toBe(deaths);
        expect(await viewOf('dying')).toMatchObject({ generation: deaths, state: 'lit' });
      }, patiently);
      const now = Date.now();
      vi.spyOn(Date, 'now').mockReturnValue(now);
      machineOf('dying').running = null;
      await townAt('dying').containerStopped(1);
      const { nextStartAt } = await viewOf('dying');
      waits.push(Number(nextStartAt) - now);
      if (deaths >= 4) {
        expect(await viewOf('dying')).toMatchObject({
          state: 'degraded',
          fault: { code: 'container_crash_loop', reason: expect.stringContaining(`${deaths} times`) },
        });
      }
      comeBack();
      travel(Number(nextStartAt) - now);
      await tick('dying');
      comeBack();
    }
    expect(waits).toEqual([0, 500, 1_000, 2_000, 4_000]);
    expect(await agentStatus('dying', 'hono', 'ada')).toMatchObject({ attempts: 0 });
  });

  it('forgets the deaths after a checkpoint: work that goes forward is no crash loop', async () => {
    const asked = await litTown('forward');
    for (const boot of [1, 2, 3, 4, 5]) {
      await vi.waitFor(async () => {
        expect(asked.boots).toBe(boot);
        expect(await viewOf('forward')).toMatchObject({ generation: boot, state: 'lit' });
      }, patiently);
      const life = lifeOf('forward', boot);
      const checkpoint = { life, rig: 'hono', agent: 'ada', bead: 'bead-ada', head: null, data: boot };
      await jsonOf(callback('forward', 'checkpoint', checkpoint));
      await loseContainer('forward');
    }
    expect(await viewOf('forward')).toMatchObject({ fault: null });
  });

  it('leaves a dead container dark while nothing is hooked', async () => {
    const asked = await makeTown('restful');
    await jsonOf(act('restful', 'start'));
    await vi.waitFor(
      async () => expect((await latestRecovery('restful'))?.status).toBe('complete'),
      patiently,
    );
    await loseContainer('restful');
    await tick('restful');
    expect(await viewOf('restful')).toMatchObject({ state: 'dark', boot: { exit: 'exit code 137' } });
    expect(await alarmOf('restful')).toBeNull();
    expect(asked.boots).toBe(1);
  });

  it('keeps a container that the operator stopped down, until a bead is slung', async () => {
    const asked = await litTown('held');
    expect(await jsonOf(act('held', 'stop'))).toMatchObject({ state: 'dark' });
    for (const _ of [1, 2]) {
      travel(60_000);
      await runDurableObjectAlarm(env.RIG.getByName('held/hono'));
      await tick('held');
      await tick('held');
    }
    expect(asked.boots).toBe(1);
    expect(await agentStatus('held', 'hono', 'ada')).toMatchObject({ status: 'pending' });
    await jsonOf(
      operator('PUT', '/api/towns/held/rigs/hono/agents/ada/hook', {
        bead: { id: 'bead-ada', title: 'go on' },
      }),
    );
    await vi.waitFor(async () => {
      await tick('held');
      expect(asked.boots).toBe(2);
    }, patiently);
  });

  it('gives a running container back the alarm that puts it to sleep, should that be lost', async () => {
    await litTown('sleepless');
    const container = env.TOWN_CONTAINER.getByName('sleepless');
    await runInDurableObject(container, (_, { storage }) => storage.deleteAlarm());
    await tick('sleepless');
    expect(await runInDurableObject(container, (_, { storage }) => storage.getAlarm())).not.toBeNull();
  });

  it('tells at once that the operator killed a container, and starts it again while agents are hooked', async () => {
    const asked = await litTown('killed');
    const feed = await operator('GET', '/api/towns/killed/events');
    await jsonOf(act('killed', 'kill'));
    const told = await readUntil(feed, 'town');
    expect(told).toContain('"change":{"kind":"container.stopped","exit":"killed by the operator"}');
    expect(told).toContain('"change":{"kind":"town","state":"dark","fault":null}');
    await vi.waitFor(() => expect(asked.starts).toHaveLength(2), patiently);
    expect(asked.boots).toBe(2);
  });

  it('boot without a recovery: launches it where both launches were missed', async () => {
    const asked = await makeTown('missed');
    const machine = machineOf('missed');
    await addRig('missed', 'hono', []);
    machine.running = machine.boot();
    await runInDurableObject(townAt('missed'), (town) => town.alarm());
    await vi.waitFor(async () => {
      expect(await latestRecovery('missed')).toMatchObject({
        trigger: 'watchdog',
        status: 'complete',
        generation: 1,
      });
    }, patiently);
    expect(asked.boots).toBe(1);
  });

  it('is sure to look soon after the operator has started a container', async () => {
    await makeTown('looked');
    const before = Date.now();
    await jsonOf(act('looked', 'start'));
    expect(await alarmOf('looked')).toBeLessThanOrEqual(before + 10_000);
    expect(await alarmOf('looked')).toBeGreaterThan(before);
  });

  it('no container instance available: tells why a container does not start, and tries again with back-off until it does', async () => {
    const asked = await makeTown('stubborn');
    const machine = machineOf('stubborn');
    const { boot } = machine;
    const tries: number[] = [];
    machine.boot = () => {
      tries.push(Date.now());
      throw new Error('no capacity');
    };
    await addRig('stubborn', 'hono', ['ada']);
    await vi.waitFor(() => expect(tries).toHaveLength(5), patiently);
    const waits = tries.slice(1).map((at, n) => at - (tries[n] ?? 0));
    for (const [n, leastMs] of [500, 500, 1_000, 2_000].entries())
      expect(waits[n]).toBeGreaterThan(leastMs - 20);
    expect(await viewOf('stubborn')).toMatchObject({
      state: 'degraded',
      fault: {
        code: 'container_unavailable',
        reason: expect.stringContaining('no capacity'),
        retryable: true,
      },
      nextStartAt: expect.any(Number),
    });
    machine.boot = boot;
    travel(60_000);
    await tick('stubborn');
    comeBack();
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
    expect(await viewOf('stubborn')).toMatchObject({ fault: null, nextStartAt: null });
    expect(await agentStatus('stubborn', 'hono', 'ada')).toMatchObject({ attempts: 0 });
  });

  it('tells the operator who starts a container in vain, and tries again by itself', async () => {
    const asked = await makeTown('vain');
    const machine = machineOf('vain');
    const { boot } = machine;
    await addRig('vain', 'hono', ['ada']);
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
    await jsonOf(act('vain', 'stop'));
    machine.boot = () => {
      throw new Error('no capacity');
    };
    expect(await problemCode(await act('vain', 'start'), 503)).toBe('container_unavailable');
    expect(await alarmOf('vain')).toBeGreaterThan(0);
    machine.boot = boot;
    await vi.waitFor(() => expect(asked.boots).toBe(2), patiently);
  });

  it('calls no start failed whose boot is there, though its answer was lost', async () => {
    await litTown('mistaken');
    const fault = { code: 'container_unavailable', reason: 'the health check was garbled', retryable: true };
    await runInDurableObject(townAt('mistaken'), (_, { storage }) => {
      storage.sql.exec('UPDATE town SET fault = ?', JSON.stringify(fault));
    });
    expect(await viewOf('mistaken')).toMatchObject({ state: 'degraded', fault });
    await tick('mistaken');
    expect(await viewOf('mistaken')).toMatchObject({ state: 'lit', fault: null, nextStartAt: null });
  });

  it('does not look at a silent container in a loop', async () => {
    await litTown('silent');
    silence('silent');
    await runInDurableObject(townAt('silent'), (_, { storage }) => {
      storage.sql.exec('UPDATE town SET nextStartAt = ?', Date.now() - 1_000);
    });
    await tick('silent');
    expect(await alarmOf('silent')).toBeGreaterThan(Date.now() + 1_000);
  });

  it('goes on watching after a look that failed', async () => {
    await litTown('tripped');
    const { boot } = machineOf('tripped');
    machines.set('tripped', {
      boot,
      token: '',
      renewals: 0,
      handedOver: null,
      environment: {},
      contract: null,
      gate: Promise.resolve(),
      listening: Promise.resolve(),
      get running(): never {
        throw new Error('the platform is out of order');
      },
    });
    await runInDurableObject(townAt('tripped'), (town) => town.alarm());
    expect(await alarmOf('tripped')).toBeGreaterThan(Date.now());
  });

  it('closes a recovery whose instance has ended without closing its record', async () => {
    await litTown('unclosed');
    await runInDurableObject(townAt('unclosed'), (_, { storage }) => {
      storage.sql.exec(`UPDATE recoveries SET status = 'running', finishedAt = NULL, progressAt = 0`);
    });
    expect(await viewOf('unclosed')).toMatchObject({ state: 'recovering' });
    await tick('unclosed');
    expect(await latestRecovery('unclosed')).toMatchObject({
      status: 'complete',
      finishedAt: expect.any(Number),
    });
  });
});
