import { env, evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Town } from '../../src/objects/town.ts';
import * as launching from '../../src/platform/launch.ts';
import {
  comeBack,
  jsonOf,
  litTown,
  machineOf,
  patiently,
  recoveryOf,
  tick,
  travel,
  viewOf,
  watched,
} from './scene.ts';
import { addRig, latestRecovery, makeTown, operator } from './town.ts';

afterEach(comeBack);

/** The record says that the newest recovery still runs, and that it has stood still for long. */
async function reopen(town: string): Promise<void> {
  await runInDurableObject(env.TOWN.getByName(town), (_, { storage }) => {
    storage.sql.exec(`UPDATE recoveries SET status = 'running', finishedAt = NULL, progressAt = 0`);
  });
}

describe('workflow engine error', () => {
  it('a recovery that cannot be launched is shown with the reason, and launched with back-off', async () => {
    await makeTown('limited');
    const machine = machineOf('limited');
    await addRig('limited', 'hono', []);
    machine.running = machine.boot();
    const launches = vi
      .spyOn(launching, 'launchRecovery')
      .mockRejectedValue(new Error('(429) too many instances are created'));
    await tickNow('limited');
    expect(await viewOf('limited')).toMatchObject({
      state: 'degraded',
      fault: {
        code: 'workflow_failed',
        reason: expect.stringContaining('too many instances'),
        retryable: true,
      },
    });
    const first = launches.mock.calls.length;
    for (const _ of [1, 2]) await tick('limited');
    expect(launches).toHaveBeenCalledTimes(first);
    travel(5_000);
    await tick('limited');
    expect(launches).toHaveBeenCalledTimes(first + 1);
    launches.mockRestore();
    travel(60_000);
    await vi.waitFor(async () => {
      await tick('limited');
      expect(await viewOf('limited')).toMatchObject({ state: 'lit', fault: null });
    }, patiently);
  });

  it('a recovery that failed before it opened is started over', async () => {
    await using instance = await watched('unopened');
    const open = vi
      .spyOn(Town.prototype, 'openRecovery')
      .mockRejectedValue(new Error('the object was reset'));
    const asked = await makeTown('unopened');
    await addRig('unopened', 'hono', ['ada']);
    await instance.waitForStatus('errored');
    open.mockRestore();
    travel(60_000);
    await tick('unopened');
    comeBack();
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
    expect(await latestRecovery('unopened')).toMatchObject({ status: 'complete', generation: 1 });
  });

  it('a recovery that fails on its way is started over three times, and is then closed with the reason', async () => {
    await using instance = await watched('midway');
    const close = vi
      .spyOn(Town.prototype, 'closeRecovery')
      .mockRejectedValue(new Error('the object was reset'));
    const asked = await makeTown('midway');
    await addRig('midway', 'hono', ['ada']);
    await instance.waitForStatus('errored');
    expect(await latestRecovery('midway')).toMatchObject({ status: 'running' });
    await vi.waitFor(async () => {
      travel(10_000);
      await tick('midway');
      expect(await latestRecovery('midway')).toMatchObject({
        status: 'failed',
        fault: { code: 'workflow_failed', reason: expect.stringContaining('the object was reset') },
      });
    }, patiently);
    expect(asked.restores.filter(({ request }) => request.recoveryId !== null)).toHaveLength(4);
    expect(asked.starts).toHaveLength(1);
    close.mockRestore();
  });

  it('a recovery that stands still is looked at each time, and woken only now and then', async () => {
    const info = vi.spyOn(console, 'info');
    const asked = await makeTown('still', () => null);
    await addRig('still', 'hono', ['ada']);
    await vi.waitFor(() => expect(asked.restores).toHaveLength(1), patiently);
    // That it was asked is the last that the recovery notes.
    const phases = async () => (await latestRecovery('still'))?.rigs[0]?.phases;
    await vi.waitFor(async () => expect(await phases()).toHaveLength(1), patiently);
    const nudges = () =>
      info.mock.calls.filter(([line]) => /recovery\.nudged.*"still"/.test(String(line))).length;
    travel(10_000);
    for (const _ of [1, 2, 3]) await tick('still');
    expect(nudges()).toBe(1);
    travel(60_000);
    for (const _ of [1, 2]) await tick('still');
    expect(nudges()).toBe(2);
    await evictDurableObject(env.TOWN.getByName('still'));
    await tick('still');
    expect(nudges()).toBe(3);
  });

  it('a recovery whose instance is past its retention is closed as failed, with the reason and the way out', async () => {
    await litTown('retained');
    await reopen('retained');
    await (await env.RECOVERY.get(recoveryOf('retained'))).delete();
    expect(await viewOf('retained')).toMatchObject({ state: 'recovering' });
    await tick('retained');
    expect(await latestRecovery('retained')).toMatchObject({
      status: 'failed',
      fault: { code: 'workflow_failed', reason: expect.stringMatching(/instance is gone.*replay by hand/) },
    });
    expect(await viewOf('retained')).toMatchObject({ state: 'lit' });
    await jsonOf(operator('POST', '/api/towns/retained/recoveries', {}));
    await vi.waitFor(
      async () =>
        expect(await latestRecovery('retained')).toMatchObject({ trigger: 'replay', status: 'complete' }),
      patiently,
    );
  });
});

/** Runs the Town's alarm, also where none is set. */
async function tickNow(town: string): Promise<void> {
  await runInDurableObject(env.TOWN.getByName(town), (object) => object.alarm());
}
