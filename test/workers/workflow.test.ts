import { holdContainer } from './fake-container.ts';
import { describe, expect, it, vi } from 'vitest';
import type { RestoreRequest } from '../../src/contract/control.ts';
import type { RigReport } from '../../src/contract/recovery.ts';
import {
  primeOf,
  everythingOf,
  failedReport,
  jsonOf,
  lifeOf,
  litTown,
  patiently,
  problemCode,
  rigsOf,
  settled,
  watched,
} from './scene.ts';
import { addRig, agentStatus, callback, goodReport, latestRecovery, makeTown, operator } from './town.ts';
import type { Asked } from './town.ts';

describe('invariant 7: one rig never holds the others back', () => {
  it('git auth: a rig that fails for good is failed with its reason and is not tried again', async () => {
    await using _ = await watched('broken');
    const asked = await makeTown('broken', (rig, request) =>
      rig === 'bad' ? failedReport(rig, 'git_auth') : goodReport(rig, request),
    );
    const start = holdContainer('broken');
    await addRig('broken', 'bad', ['eve']);
    await addRig('broken', 'good', ['ada']);
    start();
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

  it('control server unreachable: a rig whose control call breaks is given up, and the others are brought back', async () => {
    await using _ = await watched('deaf');
    const asked = await makeTown('deaf');
    asked.intercept = ({ path }) =>
      path === '/rigs/bad/restore' ? new Response('<html>', { status: 500 }) : null;
    const start = holdContainer('deaf');
    await addRig('deaf', 'bad', ['eve']);
    await addRig('deaf', 'good', ['ada']);
    start();
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
    const start = holdContainer('gone');
    await addRig('gone', 'bad', ['eve']);
    asked.intercept = ({ path }) => {
      if (path !== '/rigs/bad/restore') return null;
      return operator('DELETE', '/api/towns/gone/rigs/bad').then(() => new Response('', { status: 500 }));
    };
    await addRig('gone', 'good', ['ada']);
    start();
    await instance.waitForStatus('complete');
    expect((await rigsOf('gone')).good).toBe('ready');
    expect((await latestRecovery('gone'))?.status).not.toBe('running');
    await vi.waitFor(() => expect(asked.starts.some(({ agent }) => agent === 'ada')).toBe(true), patiently);
  });

  it('missing branch: an agent that could not be brought back is failed with its reason, and its neighbour works', async () => {
    const fault = { code: 'missing_base', reason: 'no branch trunk', retryable: false } as const;
    const asked = await makeTown('neighbours', (rig, request) => {
      const report = goodReport(rig, request);
      const agents = report.agents.map((each) => (each.agent === 'eve' ? { ...each, fault } : each));
      return { ...report, status: 'partial', agents };
    });
    const start = holdContainer('neighbours');
    await addRig('neighbours', 'hono', ['ada', 'eve']);
    start();
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
    await using instance = await watched('lost-cause');
    const asked = await makeTown('lost-cause', (rig) => failedReport(rig, 'git_unreachable'));
    await addRig('lost-cause', 'hono', ['ada']);
    await instance.waitForStatus('complete');
    expect((await latestRecovery('lost-cause'))?.status).toBe('failed');
    expect(asked.restores.filter(({ request }) => request.recoveryId !== null)).toHaveLength(4);
    expect(await agentStatus('lost-cause', 'hono', 'ada')).toMatchObject({
      status: 'pending',
      attempts: 0,
      fault: { code: 'git_unreachable' },
    });
  });

  it('without a reason is a failure all the same, and no reason to ask in a loop', async () => {
    await using instance = await watched('wordless');
    const asked = await makeTown('wordless', (rig) => ({ ...failedReport(rig, 'git_auth'), fault: null }));
    await addRig('wordless', 'hono', ['ada']);
    await instance.waitForStatus('complete');
    expect((await latestRecovery('wordless'))?.status).toBe('failed');
    expect(await jsonOf(operator('GET', '/api/towns/wordless/rigs/hono'))).toMatchObject({
      state: 'failed',
      fault: { code: 'internal' },
    });
    expect(asked.starts).toEqual([]);
  });
});

describe('invariant 3: every step and every control call may run twice or be cut off', () => {
  it('event lost: is made up for by asking again', async () => {
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

  it('Durable Object reset: steps that fail a few times are run again', async () => {
    await using instance = await watched('bumpy');
    const asked = await makeTown('bumpy');
    await instance.modify(async (m) => {
      for (const name of ['open recovery', 'restore rig hono', 'wake rig hono', 'close recovery']) {
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

  it('an agent whose worktree is there is started before the others of its rig have theirs', async () => {
    const asked = await makeTown('early', () => null);
    // Both beads are there before the recovery begins.
    const release = holdContainer('early');
    await addRig('early', 'hono', ['ada', 'bob']);
    release();
    await vi.waitFor(() => expect(asked.restores).toHaveLength(1), patiently);
    const [{ request }] = asked.restores as [Asked['restores'][number]];
    const { agents } = goodReport('hono', request);
    const { life, recoveryId } = request;
    const ready = { life, recoveryId, rig: 'hono', agents: agents.filter(({ agent }) => agent === 'bob') };
    expect((await callback('early', 'agents-ready', ready)).status).toBe(204);
    await vi.waitFor(() => expect(asked.starts).toMatchObject([{ agent: 'bob' }]), patiently);
    expect(await latestRecovery('early')).toMatchObject({ status: 'running' });
    expect((await primeOf('early', 'bob')).recovered?.report).toMatchObject({ branch: 'gt/bob/bead-bob' });
    expect(await agentStatus('early', 'hono', 'ada')).toMatchObject({ status: 'pending' });
    await callback('early', 'rig-report', { ...request, report: goodReport('hono', request) });
    await vi.waitFor(() => expect(asked.starts.map(({ agent }) => agent)).toEqual(['bob', 'ada']), patiently);
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
