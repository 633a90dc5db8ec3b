import { env } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import type { RestoreRequest } from '../../src/contract/control.ts';
import { machines } from './fake-container.ts';
import {
  everythingOf,
  jsonOf,
  lifeOf,
  litTown,
  loseContainer,
  machineOf,
  patiently,
  problemCode,
  recoveryOf,
  rigsOf,
  settled,
  sightingOf,
  watched,
} from './scene.ts';
import { addRig, agentStatus, callback, goodReport, latestRecovery, makeTown, operator } from './town.ts';

describe('a recovery whose boot is over', () => {
  it('is superseded when the next boot opens its own, and changes nothing any more', async () => {
    await using first = await watched('overtaken');
    const asked = await makeTown('overtaken', (rig, request) =>
      request.life.generation === 1 ? null : goodReport(rig, request),
    );
    await first.modify((m) => m.forceEventTimeout({ name: 'wait for rig hono' }));
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    asked.intercept = ({ body }) => {
      const request = body as Partial<RestoreRequest> | null;
      if (request?.event !== 'rig-ready-hono-2' || request.life?.generation !== 1) return null;
      return held.then(() => {
        throw new Error('Network connection lost.');
      });
    };
    await addRig('overtaken', 'hono', ['ada']);
    await vi.waitFor(() => expect(asked.restores).toHaveLength(1), patiently);
    await loseContainer('overtaken');
    await vi.waitFor(() => expect(asked.boots).toBe(2), patiently);
    await settled('overtaken', 'complete');
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
    const before = await everythingOf('overtaken');
    release();
    await first.waitForStatus('complete');
    const { recoveries } = await jsonOf(operator('GET', '/api/towns/overtaken/recoveries'));
    expect(recoveries).toMatchObject([
      { generation: 2, status: 'complete' },
      { generation: 1, status: 'superseded' },
    ]);
    expect(before).toMatchObject({ view: { generation: 2, state: 'lit' } });
    expect(asked.starts[0]?.life.generation).toBe(2);
  });

  it('has its waits ended by the next boot, and does not wait for a report that will not come', async () => {
    await using first = await watched('waiting');
    const asked = await makeTown('waiting', (rig, request) =>
      request.life.generation === 1 ? null : goodReport(rig, request),
    );
    await addRig('waiting', 'hono', ['ada']);
    await vi.waitFor(
      async () => expect((await latestRecovery('waiting'))?.rigs[0]?.phases).toHaveLength(1),
      patiently,
    );
    await loseContainer('waiting');
    await settled('waiting', 'complete');
    expect(asked.restores.map(({ request }) => request.life.generation)).toEqual([1, 2]);
    // It would wait for a minute, longer than this test.
    await first.waitForStatus('complete');
    expect(
      await jsonOf(operator('GET', `/api/towns/waiting/recoveries/${recoveryOf('waiting')}`)),
    ).toMatchObject({
      status: 'superseded',
      rigs: [{ rig: 'hono', status: 'superseded' }],
    });
  });

  it('is superseded also where the new boot comes between the restore and the waking of a rig', async () => {
    await using first = await watched('between');
    const asked = await makeTown('between');
    await addRig('between', 'hono', []);
    asked.intercept = ({ path, body }) => {
      const request = body as Partial<RestoreRequest> | null;
      if (!path.endsWith('/restore') || request?.life?.generation !== 1) return null;
      const report = goodReport('hono', request as RestoreRequest);
      return env.RIG.getByName('between/hono')
        .enterGeneration(lifeOf('between', 2))
        .then(() => Response.json({ state: 'finished', report }));
    };
    await addRig('between', 'hono', ['ada']);
    await first.waitForStatus('complete');
    expect((await latestRecovery('between'))?.status).toBe('superseded');
    expect(await rigsOf('between')).toEqual({ hono: 'superseded' });
  });

  it('does nothing when its instance is restarted after a newer boot', async () => {
    await litTown('history');
    await loseContainer('history');
    await vi.waitFor(async () => expect((await latestRecovery('history'))?.generation).toBe(2), patiently);
    await settled('history', 'complete');
    await vi.waitFor(
      async () => expect((await agentStatus('history', 'hono', 'ada')).status).toBe('starting'),
      patiently,
    );
    const before = await everythingOf('history');
    const old = await env.RECOVERY.get(recoveryOf('history', 1));
    await old.restart();
    await vi.waitFor(async () => expect((await old.status()).status).toBe('complete'), patiently);
    expect((await old.status()).output).toBeNull();
    expect(await everythingOf('history')).toEqual(before);
  });

  it('is begun anew when its instance is restarted while its boot lives, and leaves the running agent alone', async () => {
    const asked = await litTown('again');
    const instance = await env.RECOVERY.get(recoveryOf('again'));
    await instance.restart();
    await vi.waitFor(() => expect(asked.restores).toHaveLength(2), patiently);
    await settled('again', 'complete');
    expect(await agentStatus('again', 'hono', 'ada')).toMatchObject({ status: 'working' });
    expect(asked.starts).toHaveLength(1);
  });
});

describe('a replay by hand', () => {
  it('of some rigs asks for those alone, and leaves working agents alone', async () => {
    const asked = await litTown('replayed');
    await addRig('replayed', 'zod', ['cy']);
    await vi.waitFor(() => expect(asked.starts).toHaveLength(2), patiently);
    asked.restores.length = 0;
    const before = await agentStatus('replayed', 'hono', 'ada');
    const { recoveryId } = await jsonOf(
      operator('POST', '/api/towns/replayed/recoveries', { rigs: ['hono'] }),
    );
    await vi.waitFor(
      async () => expect(await latestRecovery('replayed')).toMatchObject({ recoveryId, status: 'complete' }),
      patiently,
    );
    expect(asked.restores.map(({ rig }) => rig)).toEqual(['hono']);
    expect(await agentStatus('replayed', 'hono', 'ada')).toEqual(before);
    expect(asked.starts).toHaveLength(2);
    expect(asked.stops).toEqual([]);
  });

  it('of all rigs asks for all that have active agents', async () => {
    const asked = await litTown('whole');
    await addRig('whole', 'zod', ['cy']);
    await addRig('whole', 'empty', []);
    await vi.waitFor(() => expect(asked.starts).toHaveLength(2), patiently);
    asked.restores.length = 0;
    const answer = await operator('POST', '/api/towns/whole/recoveries', {});
    expect(answer.status).toBe(202);
    await vi.waitFor(
      async () =>
        expect(await latestRecovery('whole')).toMatchObject({ trigger: 'replay', status: 'complete' }),
      patiently,
    );
    expect(asked.restores.map(({ rig }) => rig).toSorted()).toEqual(['hono', 'zod']);
  });

  it('that cannot bring a worktree back leaves the agent that works in it alone', async () => {
    const asked = await litTown('unharmed');
    asked.intercept = ({ path, body }) => {
      if (!path.endsWith('/restore')) return null;
      const report = goodReport('hono', body as RestoreRequest);
      const fault = { code: 'git_ref_conflict', reason: 'in the way', retryable: false } as const;
      const agents = report.agents.map((agent) => ({ ...agent, fault }));
      return Response.json({ state: 'finished', report: { ...report, status: 'partial', agents } });
    };
    await jsonOf(operator('POST', '/api/towns/unharmed/recoveries', {}));
    await settled('unharmed', 'partial');
    expect(await agentStatus('unharmed', 'hono', 'ada')).toMatchObject({ status: 'working' });
    const exit = { code: 1, signal: null, ranMs: 1, tail: '' };
    const sighting = sightingOf(asked, 'ada');
    await callback('unharmed', 'agent-exit', {
      life: lifeOf('unharmed'),
      ...sighting,
      cause: 'exited',
      exit,
    });
    expect(await agentStatus('unharmed', 'hono', 'ada')).toMatchObject({ status: 'pending', attempts: 1 });
  });

  it('of an unknown rig is refused and launches nothing', async () => {
    await litTown('careful');
    const before = await everythingOf('careful');
    const answer = await operator('POST', '/api/towns/careful/recoveries', { rigs: ['nope'] });
    expect(await problemCode(answer, 404)).toBe('unknown_rig');
    expect(await everythingOf('careful')).toEqual(before);
  });

  it('of a dark town starts its container', async () => {
    const asked = await makeTown('sleeper');
    const { recoveryId } = await jsonOf(operator('POST', '/api/towns/sleeper/recoveries', {}));
    expect(recoveryId).toBe(recoveryOf('sleeper'));
    expect(asked.boots).toBe(1);
    await settled('sleeper', 'complete');
  });

  it('of a container on its way up is the recovery of its boot', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    const asked = await makeTown('waking');
    const machine = machineOf('waking');
    const { promise, resolve: listen } = Promise.withResolvers<void>();
    machine.listening = promise;
    const { boot } = machine;
    machine.boot = () => Object.assign(boot(), { silent: true });
    await addRig('waking', 'hono', ['ada']);
    await vi.waitFor(() => expect(asked.boots).toBe(1), patiently);
    const replayed = operator('POST', '/api/towns/waking/recoveries', {});
    const looked = () => warn.mock.calls.some(([line]) => /container\.silent.*"waking"/.test(String(line)));
    await vi.waitFor(() => expect(looked()).toBe(true), patiently);
    warn.mockRestore();
    if (machine.running !== null) machine.running.silent = false;
    listen();
    expect(await jsonOf(replayed)).toEqual({ recoveryId: recoveryOf('waking') });
    expect(asked.boots).toBe(1);
    await settled('waking', 'complete');
  });

  it('of a container that does not answer is refused as something that may pass', async () => {
    await litTown('absent');
    const running = machines.get('absent')?.running;
    if (running) running.silent = true;
    const answer = await operator('POST', '/api/towns/absent/recoveries', {});
    expect(await problemCode(answer, 503)).toBe('control_unreachable');
  });
});

describe('the record of a recovery', () => {
  it('has the steps that the design names, and no secret in parameters or results', async () => {
    await using instance = await watched('named');
    await makeTown('named');
    const spec = { gitUrl: 'https://git.test/private/hono.git', credential: 'HOST', setupCommand: 'make' };
    await jsonOf(operator('PUT', '/api/towns/named/rigs/hono', spec));
    await jsonOf(operator('PUT', '/api/towns/named/rigs/hono/agents/ada', {}));
    await jsonOf(
      operator('PUT', '/api/towns/named/rigs/hono/agents/ada/hook', { bead: { id: 'b', title: 'b' } }),
    );
    const names = ['open recovery', 'restore rig hono', 'wake rig hono', 'close recovery'];
    const results = [];
    await instance.waitForStatus('complete');
    for (const name of names) results.push(await instance.waitForStepResult({ name }));
    results.push(await instance.getOutput(), await (await env.RECOVERY.get(recoveryOf('named'))).status());
    expect(JSON.stringify(results)).not.toMatch(
      /git-secret|container-token|operator-token|git\.test|private|make/,
    );
    const rigs = [{ rig: 'hono', agents: 1 }];
    expect(results[0]).toEqual({ state: 'open', life: lifeOf('named'), rigs });
    expect(await instance.getOutput()).toEqual(await latestRecovery('named'));
  });
});
