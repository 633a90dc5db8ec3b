import { env, introspectWorkflowInstance } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import type { RestoreRequest } from '../../src/contract/control.ts';
import type { RigReport } from '../../src/contract/recovery.ts';
import { machines } from './fake-container.ts';
import {
  everythingOf,
  failedReport,
  jsonOf,
  lifeOf,
  litTown,
  loseContainer,
  patiently,
  problemCode,
  sightingOf,
} from './scene.ts';
import {
  addRig,
  agentStatus,
  bootId,
  callback,
  goodReport,
  latestRecovery,
  makeTown,
  operator,
} from './town.ts';

const recoveryOf = (town: string, n = 1) => `boot-${bootId(town, n)}`;

/** Watches the recovery of a town's `n`-th boot, without the pauses between tries. */
async function watched(town: string, n = 1) {
  const instance = await introspectWorkflowInstance(env.RECOVERY, recoveryOf(town, n));
  await instance.modify(async (m) => {
    await m.disableSleeps();
    await m.disableRetryDelays();
  });
  return instance;
}

async function rigsOf(town: string): Promise<Record<string, string>> {
  const recovery = await latestRecovery(town);
  return Object.fromEntries((recovery?.rigs ?? []).map(({ rig, status }) => [rig, status]));
}

async function settled(town: string, status: string): Promise<void> {
  await vi.waitFor(async () => expect((await latestRecovery(town))?.status).toBe(status), patiently);
}

describe('invariant 7: one rig never holds the others back', () => {
  it('a rig that fails for good is failed with its reason and is not tried again', async () => {
    await using _ = await watched('broken');
    const asked = await makeTown('broken', (rig, request) =>
      rig === 'bad' ? failedReport(rig, 'git_auth') : goodReport(rig, request),
    );
    await addRig('broken', 'bad', ['eve']);
    await addRig('broken', 'good', ['ada']);
    await settled('broken', 'partial');
    expect(await rigsOf('broken')).toEqual({ bad: 'failed', good: 'ready' });
    expect(asked.restores.filter(({ rig }) => rig === 'bad')).toHaveLength(1);
    await vi.waitFor(() => expect(asked.starts.map(({ agent }) => agent)).toEqual(['ada']), patiently);
    const fault = { code: 'git_auth', reason: 'git_auth of bad', retryable: false };
    expect(await jsonOf(operator('GET', '/api/towns/broken/rigs/bad'))).toMatchObject({
      state: 'failed',
      fault,
    });
    expect(await agentStatus('broken', 'bad', 'eve')).toMatchObject({
      status: 'pending',
      attempts: 0,
      fault,
    });
    expect(await jsonOf(operator('GET', '/api/towns/broken'))).toMatchObject({ state: 'degraded' });
  });

  it('a rig whose control call breaks is given up, and the others are brought back', async () => {
    await using _ = await watched('deaf');
    const asked = await makeTown('deaf');
    asked.intercept = ({ path }) =>
      path === '/rigs/bad/restore' ? new Response('<html>', { status: 500 }) : null;
    await addRig('deaf', 'bad', ['eve']);
    await addRig('deaf', 'good', ['ada']);
    await settled('deaf', 'partial');
    const recovery = await latestRecovery('deaf');
    expect(recovery?.rigs.find(({ rig }) => rig === 'bad')).toMatchObject({
      status: 'failed',
      fault: { code: 'control_unreachable', retryable: true },
    });
    expect(asked.starts.map(({ agent }) => agent)).toEqual(['ada']);
  });

  it('a rig that is removed while it is brought back holds nothing up', async () => {
    await using instance = await watched('gone');
    const asked = await makeTown('gone', (rig, request) => (rig === 'bad' ? null : goodReport(rig, request)));
    asked.intercept = ({ path }) => (path === '/rigs/bad/restore' ? Response.json(7, { status: 202 }) : null);
    await addRig('gone', 'bad', ['eve']);
    asked.intercept = ({ path }) => {
      if (path !== '/rigs/bad/restore') return null;
      return operator('DELETE', '/api/towns/gone/rigs/bad').then(() => new Response('', { status: 500 }));
    };
    await addRig('gone', 'good', ['ada']);
    await instance.waitForStatus('complete');
    expect((await rigsOf('gone')).good).toBe('ready');
    expect((await latestRecovery('gone'))?.status).not.toBe('running');
    await vi.waitFor(() => expect(asked.starts.some(({ agent }) => agent === 'ada')).toBe(true), patiently);
  });

  it('an agent that could not be brought back is failed with its reason, and its neighbour works', async () => {
    const fault = { code: 'missing_base', reason: 'no branch trunk', retryable: false } as const;
    const asked = await makeTown('neighbours', (rig, request) => {
      const report = goodReport(rig, request);
      const agents = report.agents.map((each) => (each.agent === 'eve' ? { ...each, fault } : each));
      return { ...report, status: 'partial', agents };
    });
    await addRig('neighbours', 'hono', ['ada', 'eve']);
    await vi.waitFor(async () => {
      expect(await agentStatus('neighbours', 'hono', 'eve')).toMatchObject({ status: 'failed', fault });
      expect(asked.starts.map(({ agent }) => agent)).toEqual(['ada']);
    }, patiently);
    await settled('neighbours', 'partial');
  });
});

describe('a restore that fails for a reason that may pass', () => {
  it('is tried again, and succeeds', async () => {
    await using _ = await watched('flaky');
    let failures = 2;
    const asked = await makeTown('flaky', (rig, request) => {
      failures -= 1;
      return failures >= 0 ? failedReport(rig, 'git_unreachable') : goodReport(rig, request);
    });
    await addRig('flaky', 'hono', ['ada']);
    await settled('flaky', 'complete');
    const inRecovery = asked.restores.filter(({ request }) => request.recoveryId !== null);
    expect(inRecovery.map(({ request }) => request.event)).toEqual([
      'rig-ready-hono-1',
      'rig-ready-hono-2',
      'rig-ready-hono-3',
    ]);
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
    expect(await agentStatus('flaky', 'hono', 'ada')).toMatchObject({ attempts: 0, fault: null });
  });

  it('is given up by the recovery after its pauses, with the reason shown and a time to try again', async () => {
    await using instance = await watched('hopeless');
    const asked = await makeTown('hopeless', (rig) => failedReport(rig, 'git_unreachable'));
    await addRig('hopeless', 'hono', ['ada']);
    await instance.waitForStatus('complete');
    expect((await latestRecovery('hopeless'))?.status).toBe('failed');
    expect(asked.restores.filter(({ request }) => request.recoveryId !== null)).toHaveLength(4);
    expect(await agentStatus('hopeless', 'hono', 'ada')).toMatchObject({
      status: 'pending',
      attempts: 0,
      fault: { code: 'git_unreachable' },
    });
  });

  it('without a reason is a failure all the same, and no reason to ask in a loop', async () => {
    await using instance = await watched('mute');
    const asked = await makeTown('mute', (rig) => ({ ...failedReport(rig, 'git_auth'), fault: null }));
    await addRig('mute', 'hono', ['ada']);
    await instance.waitForStatus('complete');
    expect((await latestRecovery('mute'))?.status).toBe('failed');
    expect(await jsonOf(operator('GET', '/api/towns/mute/rigs/hono'))).toMatchObject({
      state: 'failed',
      fault: { code: 'internal' },
    });
    expect(asked.starts).toEqual([]);
  });
});

describe('invariant 3: every step and every control call may run twice or be cut off', () => {
  it('an event that was lost is made up for by asking again', async () => {
    await using instance = await watched('lost-event');
    let report: RigReport | null = null;
    const asked = await makeTown('lost-event', () => null);
    asked.intercept = ({ path, body }) => {
      if (!path.endsWith('/restore')) return null;
      const request = body as RestoreRequest;
      if (report !== null) return Response.json({ state: 'finished', report });
      report = goodReport('hono', request);
      const { life, recoveryId } = request;
      // The report arrives, the event for the Workflow does not.
      return callback('lost-event', 'rig-report', { life, recoveryId, event: null, report }).then(() =>
        Response.json({ state: 'restoring' }, { status: 202 }),
      );
    };
    await instance.modify((m) => m.forceEventTimeout({ name: 'wait for rig hono' }));
    await addRig('lost-event', 'hono', ['ada']);
    await instance.waitForStatus('complete');
    expect((await latestRecovery('lost-event'))?.status).toBe('complete');
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
  });

  it('a wait that timed out is no verdict: the restore that goes on is waited for again', async () => {
    await using instance = await watched('slow');
    const asked = await makeTown('slow', (rig, request) =>
      request.event === 'rig-ready-hono-1' ? null : goodReport(rig, request),
    );
    await instance.modify((m) => m.forceEventTimeout({ name: 'wait for rig hono' }));
    await addRig('slow', 'hono', ['ada']);
    await instance.waitForStatus('complete');
    expect(asked.restores.map(({ request }) => request.event)).toEqual([
      'rig-ready-hono-1',
      'rig-ready-hono-2',
    ]);
    expect((await latestRecovery('slow'))?.status).toBe('complete');
  });

  it('a control server that answers errors, garbage or nothing a few times is asked again', async () => {
    await using instance = await watched('garbled');
    const asked = await makeTown('garbled');
    const answers = [
      () => new Response('oh no', { status: 500 }),
      () => Response.json({ state: 'dancing' }),
      () => new Response('{"state":', { headers: { 'content-type': 'application/json' } }),
      () => Promise.reject(new Error('Network connection lost.')),
      () =>
        Response.json(
          { type: 'x', title: 'x', status: 503, detail: 'x', code: 'draining', retryable: true },
          { status: 503 },
        ),
    ];
    asked.intercept = ({ path }) => (path.endsWith('/restore') ? (answers.shift()?.() ?? null) : null);
    await addRig('garbled', 'hono', ['ada']);
    await instance.waitForStatus('complete');
    expect(answers).toEqual([]);
    expect((await latestRecovery('garbled'))?.status).toBe('complete');
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
  });

  it('steps that fail a few times are run again', async () => {
    await using instance = await watched('bumpy');
    const asked = await makeTown('bumpy');
    await instance.modify(async (m) => {
      for (const name of [
        'open recovery',
        'read rig registry',
        'restore rig hono',
        'wake rig hono',
        'close recovery',
      ]) {
        await m.mockStepError({ name }, new Error('the object was reset'), 2);
      }
    });
    await addRig('bumpy', 'hono', ['ada']);
    await instance.waitForStatus('complete');
    expect((await latestRecovery('bumpy'))?.status).toBe('complete');
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
  });

  it('a report that is sent twice is taken once', async () => {
    const asked = await litTown('echo');
    const request = asked.restores[0]?.request;
    if (request === undefined) throw new Error('nothing was restored');
    const before = await everythingOf('echo');
    const report = goodReport('hono', request);
    const agents = report.agents;
    const phases =
      (await latestRecovery('echo'))?.rigs[0]?.phases.filter(({ work }) => work !== 'relight') ?? [];
    const { life, recoveryId, event } = request;
    const again = { life, recoveryId, event, report: { ...report, agents, phases } };
    expect((await callback('echo', 'rig-report', again)).status).toBe(204);
    expect(await everythingOf('echo')).toEqual(before);
  });

  it('a report of a rig that is not there is refused', async () => {
    await litTown('stranger');
    const message = {
      life: lifeOf('stranger'),
      recoveryId: null,
      event: null,
      report: failedReport('nope', 'git_auth'),
    };
    expect(await problemCode(await callback('stranger', 'rig-report', message), 404)).toBe('unknown_rig');
  });
});

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
    const names = [
      'open recovery',
      'read rig registry',
      'restore rig hono',
      'wait for rig hono',
      'wake rig hono',
      'close recovery',
    ];
    const results = [];
    for (const name of names) results.push(await instance.waitForStepResult({ name }));
    await instance.waitForStatus('complete');
    results.push(await instance.getOutput(), await (await env.RECOVERY.get(recoveryOf('named'))).status());
    expect(JSON.stringify(results)).not.toMatch(
      /git-secret|container-token|operator-token|git\.test|private|make/,
    );
    expect(results[0]).toEqual({ state: 'open', life: lifeOf('named') });
    expect(results[1]).toEqual([{ rig: 'hono', agents: 1 }]);
    expect(await instance.getOutput()).toEqual(await latestRecovery('named'));
  });
});
