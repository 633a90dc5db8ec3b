import { env, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  beat,
  comeBack,
  failedReport,
  jsonOf,
  lifeOf,
  litTown,
  loseContainer,
  patiently,
  sightingOf,
  travel,
} from './scene.ts';
import { addRig, agentStatus, callback, goodReport, makeTown, operator } from './town.ts';
import type { Asked } from './town.ts';

afterEach(comeBack);

const rigAt = (town: string) => env.RIG.getByName(`${town}/hono`);
const statusOf = (town: string) => agentStatus(town, 'hono', 'ada');

/** The agent's newest start ends. */
async function exit(town: string, asked: Asked, cause = 'exited', ranMs = 5_000): Promise<void> {
  const facts = { code: 1, signal: null, ranMs, tail: 'panic: no work' };
  const message = { life: lifeOf(town), ...sightingOf(asked, 'ada'), cause, exit: facts };
  const answer = await callback(town, 'agent-exit', message);
  expect(answer.status).toBe(204);
}

const alarm = (town: string) => runDurableObjectAlarm(rigAt(town));

/** Lets `ms` pass and runs the Rig's alarm until there were `starts` starts; the agent is then seen running. */
async function later(town: string, asked: Asked, ms: number, starts: number): Promise<void> {
  travel(ms);
  await vi.waitFor(async () => {
    await alarm(town);
    expect(asked.starts).toHaveLength(starts);
  }, patiently);
  await beat(town, { sightings: [sightingOf(asked, 'ada')] });
}

describe('agent exits at once: an agent that ends before its bead is done', () => {
  it('is tried again after 30 s, 1, 2 and 5 minutes, and is failed with its reason after the fifth time', async () => {
    const asked = await litTown('tries');
    const waits: number[] = [];
    for (const attempts of [1, 2, 3, 4]) {
      const now = Date.now();
      await exit('tries', asked);
      const row = await statusOf('tries');
      expect(row).toMatchObject({ status: 'pending', attempts, fault: { code: 'agent_exited' } });
      const wait = Number(row.notBefore) - now;
      waits.push(Math.floor(wait / 1_000));
      travel(wait - 5_000);
      await alarm('tries');
      expect(asked.starts).toHaveLength(attempts);
      await later('tries', asked, 5_000, attempts + 1);
      expect(asked.starts).toHaveLength(attempts + 1);
    }
    expect(waits).toEqual([30, 60, 120, 300]);
    await exit('tries', asked);
    expect(await statusOf('tries')).toMatchObject({
      status: 'failed',
      attempts: 5,
      fault: { code: 'agent_exited', reason: expect.stringContaining('panic: no work') },
      lastExit: { code: 1, tail: 'panic: no work' },
    });
    travel(3_600_000);
    await alarm('tries');
    expect(asked.starts).toHaveLength(5);
  });

  it('after ten healthy minutes has all its attempts again', async () => {
    const asked = await litTown('healthy');
    for (const starts of [2, 3]) {
      await exit('healthy', asked);
      await later('healthy', asked, 120_000, starts);
    }
    expect(await statusOf('healthy')).toMatchObject({ attempts: 2 });
    await exit('healthy', asked, 'exited', 600_000);
    expect(await statusOf('healthy')).toMatchObject({ attempts: 1 });
  });
});

describe('agent hangs: an agent that runs, but shows nothing of its work', () => {
  const sighted = (asked: Asked, agoMs: number, wroteAt: number | null) => ({
    sightings: [{ ...sightingOf(asked, 'ada'), startedAt: Date.now() - agoMs, wroteAt }],
  });

  it('is stalled after half an hour with its reason, is left running, and works again once it writes', async () => {
    const asked = await litTown('unhurried');
    await beat('unhurried', sighted(asked, 1_799_000, null));
    expect(await statusOf('unhurried')).toMatchObject({ status: 'working', fault: null });
    for (const _ of [1, 2]) await beat('unhurried', sighted(asked, 1_800_000, Date.now() - 1_800_000));
    expect(await statusOf('unhurried')).toMatchObject({
      status: 'stalled',
      attempts: 0,
      fault: { code: 'agent_silent', retryable: true },
    });
    await alarm('unhurried');
    expect([asked.starts.length, asked.stops.length]).toEqual([1, 0]);
    await beat('unhurried', sighted(asked, 1_800_000, Date.now()));
    expect(await statusOf('unhurried')).toMatchObject({ status: 'working', fault: null });
  });

  it('has its attempts again after ten minutes, while it still runs', async () => {
    const asked = await litTown('lasting');
    await exit('lasting', asked);
    await later('lasting', asked, 120_000, 2);
    await beat('lasting', sighted(asked, 599_000, Date.now()));
    expect(await statusOf('lasting')).toMatchObject({ attempts: 1 });
    await beat('lasting', sighted(asked, 600_000, Date.now()));
    expect(await statusOf('lasting')).toMatchObject({ status: 'working', attempts: 0 });
  });
});

describe('invariant 8: the infrastructure never uses up attempts', () => {
  it.each(['stopped', 'shutdown', 'spawn_failed'])('an end by %s counts for nothing', async (cause) => {
    const town = cause.replace('_', '-');
    const asked = await litTown(town);
    for (let round = 1; round <= 6; round += 1) {
      await exit(town, asked, cause);
      expect(await statusOf(town)).toMatchObject({
        status: expect.stringMatching(/pending|starting/),
        attempts: 0,
      });
      await later(town, asked, 120_000, round + 1);
    }
  });

  it('a container that dies again and again counts for nothing', async () => {
    const asked = await litTown('mortal');
    for (const boots of [2, 3, 4]) {
      await loseContainer('mortal');
      await vi.waitFor(() => expect(asked.starts).toHaveLength(boots), patiently);
    }
    expect(await statusOf('mortal')).toMatchObject({ attempts: 0 });
  });

  it('agent not spawned: shows its reason and has the worktree looked after', async () => {
    const asked = await litTown('spawn');
    await exit('spawn', asked, 'spawn_failed');
    expect(await statusOf('spawn')).toMatchObject({
      fault: { code: 'agent_spawn_failed', reason: 'panic: no work' },
    });
    await vi.waitFor(() => expect(asked.restores).toHaveLength(2), patiently);
    expect(asked.restores[1]?.request).toMatchObject({ recoveryId: null, event: null });
    await vi.waitFor(() => expect(asked.starts).toHaveLength(2), patiently);
  });

  it('a start that is refused is tried again with back-off', async () => {
    const asked = await makeTown('refusal');
    let refusals = 2;
    asked.intercept = ({ method }) => {
      if (method !== 'PUT' || refusals === 0) return null;
      refusals -= 1;
      return Response.json(
        { type: 'x', title: 'x', status: 503, detail: 'on my way out', code: 'draining', retryable: true },
        { status: 503 },
      );
    };
    await addRig('refusal', 'hono', ['ada']);
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
    expect(await statusOf('refusal')).toMatchObject({ status: 'starting', attempts: 0 });
  });

  it('a start without an answer is asked about, and repeated only if the agent is not there', async () => {
    const asked = await makeTown('unanswered');
    let calls = 0;
    asked.intercept = ({ method }) => {
      if (method !== 'PUT') return null;
      calls += 1;
      return calls === 1 ? new Response('gateway', { status: 502 }) : null;
    };
    await addRig('unanswered', 'hono', ['ada']);
    await vi.waitFor(async () => {
      expect(calls).toBe(1);
      expect(await statusOf('unanswered')).toMatchObject({ status: 'starting' });
    }, patiently);
    travel(20_000);
    await alarm('unanswered');
    const next = await runInDurableObject(rigAt('unanswered'), (_, { storage }) => storage.getAlarm());
    expect(next).toBeLessThanOrEqual(Date.now());
    await later('unanswered', asked, 0, 1);
    expect(calls).toBe(2);
  });
});

describe('agent without heartbeat: an agent that nobody has heard of', () => {
  it('is asked about, stalled while nobody answers, and works again once it is seen', async () => {
    const asked = await litTown('hush');
    asked.intercept = ({ path }) => (path === '/agents' ? new Response('', { status: 500 }) : null);
    travel(100_000);
    await runDurableObjectAlarm(rigAt('hush'));
    expect(await statusOf('hush')).toMatchObject({
      status: 'stalled',
      fault: { code: 'control_unreachable' },
    });
    asked.intercept = () => null;
    await runDurableObjectAlarm(rigAt('hush'));
    expect(await statusOf('hush')).toMatchObject({ status: 'working', fault: null });
    expect(asked.starts).toHaveLength(1);
  });

  it('is dispatched again if the control server does not have it', async () => {
    const asked = await litTown('lostone');
    asked.sightings = [];
    await later('lostone', asked, 100_000, 2);
    expect(await statusOf('lostone')).toMatchObject({ status: 'working', attempts: 0 });
  });
});

describe('a rig', () => {
  it('whose restore fails outside a recovery is restored again with back-off, in plain sight', async () => {
    let failing = false;
    const asked = await makeTown('backoff', (rig, request) =>
      failing ? failedReport(rig, 'git_unreachable') : goodReport(rig, request),
    );
    await addRig('backoff', 'hono', ['bob']);
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
    asked.sightings = [sightingOf(asked, 'bob')];
    await beat('backoff', asked);
    failing = true;
    await addRig('backoff', 'hono', ['ada']);
    await vi.waitFor(async () => {
      expect(await statusOf('backoff')).toMatchObject({
        status: 'pending',
        fault: { code: 'git_unreachable' },
      });
    }, patiently);
    failing = false;
    await later('backoff', asked, 20_000, 2);
    expect(asked.starts.map(({ agent }) => agent)).toEqual(['bob', 'ada']);
  });

  it('that failed for good is tried once more when a bead is slung', async () => {
    let failing = true;
    const asked = await makeTown('oncemore', (rig, request) =>
      failing ? failedReport(rig, 'git_auth') : goodReport(rig, request),
    );
    await addRig('oncemore', 'hono', ['ada']);
    await vi.waitFor(
      async () => expect(await statusOf('oncemore')).toMatchObject({ fault: { code: 'git_auth' } }),
      patiently,
    );
    failing = false;
    await jsonOf(
      operator('PUT', '/api/towns/oncemore/rigs/hono/agents/ada/hook', {
        bead: { id: 'bead-ada', title: 'again' },
      }),
    );
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
    expect(await jsonOf(operator('GET', '/api/towns/oncemore/rigs/hono'))).toMatchObject({
      state: 'ready',
      fault: null,
    });
  });

  it('goes on dispatching after its Town could not be asked', async () => {
    const asked = await litTown('orphan');
    const rename = (from: string, to: string) =>
      runInDurableObject(env.TOWN.getByName('orphan'), (_, { storage }) => {
        storage.sql.exec('UPDATE rigs SET rig = ? WHERE rig = ?', to, from);
      });
    travel(1_000);
    await exit('orphan', asked, 'stopped');
    await rename('hono', 'mislaid');
    await alarm('orphan');
    expect(await statusOfRow('orphan')).toBe('pending');
    await rename('mislaid', 'hono');
    await later('orphan', asked, 60_000, 2);
  });
});

/** The agent's status where the operator API cannot tell it, because the Town does not know the rig. */
async function statusOfRow(town: string): Promise<unknown> {
  return (await rigAt(town).agent('ada')).status;
}
