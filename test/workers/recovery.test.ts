import { describe, expect, it, vi } from 'vitest';
import { holdContainer, machines } from './fake-container.ts';
import { problemOf } from '../../src/contract/errors.ts';
import { CONTRACT_VERSION } from '../../src/contract/version.ts';
import { loseContainer, machineOf, patiently, restoredIn, viewOf } from './scene.ts';
import { addRig, agentStatus, bootId, callback, latestRecovery, makeTown } from './town.ts';

describe('a recovery', () => {
  it('brings every rig back and dispatches its agents after a bead was slung to a sleeping town', async () => {
    const asked = await makeTown('first');
    const start = holdContainer('first');
    await addRig('first', 'hono', ['ada', 'bob']);
    await addRig('first', 'zod', ['cy']);
    start();
    await vi.waitFor(async () => {
      expect((await latestRecovery('first'))?.status).toBe('complete');
      expect(asked.starts.map(({ agent }) => agent).toSorted()).toEqual(['ada', 'bob', 'cy']);
    }, patiently);
    expect(asked.boots).toBe(1);
  });

  it('moves agents that worked to the next generation when the container is lost', async () => {
    const asked = await makeTown('lost');
    await addRig('lost', 'hono', ['ada']);
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
    const [start] = asked.starts;
    const sighting = { rig: 'hono', agent: 'ada', bead: 'bead-ada', state: 'running', startedAt: Date.now() };
    await callback('lost', 'heartbeat', {
      bootId: bootId('lost', 1),
      at: Date.now(),
      agents: [{ ...sighting, startId: start?.startId }],
    });
    expect((await agentStatus('lost', 'hono', 'ada')).status).toBe('working');
    const machine = machines.get('lost');
    if (machine !== undefined) machine.running = null;
    const { env } = await import('cloudflare:test');
    await env.TOWN.getByName('lost').containerStopped(137);
    await vi.waitFor(() => expect(asked.starts).toHaveLength(2), patiently);
    expect(asked.starts[1]?.life.generation).toBe(2);
    await vi.waitFor(async () => expect((await latestRecovery('lost'))?.status).toBe('complete'), patiently);
    expect((await latestRecovery('lost'))?.generation).toBe(2);
  });

  it('says in its calls which contract it speaks, and to the container where the operator reaches the Worker', async () => {
    const asked = await makeTown('spoken');
    await addRig('spoken', 'hono', ['ada']);
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
    const { contract, environment } = machineOf('spoken');
    expect(contract).toBe(String(CONTRACT_VERSION));
    expect(environment['RELIGHT_URL']).toBe('https://relight.test');
  });

  it('shows a rig as failed: Worker and image of different releases', async () => {
    const asked = await makeTown('apart');
    const problem = problemOf('contract_unsupported', 'the Worker speaks contract 5, this image 2');
    asked.intercept = ({ path }) =>
      path.endsWith('/restore') ? Response.json(problem, { status: problem.status }) : null;
    await addRig('apart', 'hono', ['ada']);
    const fault = { code: 'contract_unsupported', reason: `rig hono: ${problem.detail}`, retryable: false };
    await vi.waitFor(
      async () => expect(await viewOf('apart')).toMatchObject({ state: 'degraded', fault }),
      patiently,
    );
  });

  it('tells each boot about how many files the one before it had, so that small rigs come first', async () => {
    const asked = await makeTown('sized');
    const start = holdContainer('sized');
    await addRig('sized', 'hono', ['ada', 'bob']);
    start();
    await vi.waitFor(() => expect(asked.starts).toHaveLength(2), patiently);
    expect(asked.restores.map(({ request }) => request.files)).toEqual([null]);
    await loseContainer('sized');
    expect((await restoredIn(2, asked)).files).toBe(2);
  });
});
