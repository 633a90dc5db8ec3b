import { describe, expect, it, vi } from 'vitest';
import { holdContainer } from './fake-container.ts';
import { jsonOf, patiently, viewOf, watched } from './scene.ts';
import { addRig, agentStatus, goodReport, latestRecovery, makeTown, operator } from './town.ts';

describe('a rig that is there in part', () => {
  it('has the agents that are there woken, and the others wait with its fault until it is mended', async () => {
    await using instance = await watched('half');
    let broken = true;
    const fault = { code: 'git_auth', reason: 'refused', retryable: false } as const;
    const asked = await makeTown('half', (rig, request) => {
      const report = goodReport(rig, request);
      if (!broken) return report;
      const agents = report.agents.map((each) =>
        each.agent === 'ada' ? { ...each, from: 'kept' as const } : { ...each, fault },
      );
      return { ...report, status: 'partial', fault, agents };
    });
    const start = holdContainer('half');
    await addRig('half', 'hono', ['ada', 'eve']);
    start();
    await instance.waitForStatus('complete');
    await vi.waitFor(() => expect(asked.starts.map(({ agent }) => agent)).toEqual(['ada']), patiently);
    expect(await latestRecovery('half')).toMatchObject({
      status: 'partial',
      rigs: [{ status: 'partial', fault }],
    });
    const rig = () => jsonOf(operator('GET', '/api/towns/half/rigs/hono'));
    expect(await rig()).toMatchObject({ state: 'partial', fault });
    const why = { ...fault, reason: 'rig hono: refused' };
    await vi.waitFor(
      async () => expect(await viewOf('half')).toMatchObject({ state: 'degraded', fault: why }),
      patiently,
    );
    expect(await agentStatus('half', 'hono', 'eve')).toMatchObject({ status: 'pending', attempts: 0, fault });
    broken = false;
    await jsonOf(operator('POST', '/api/towns/half/recoveries', {}));
    await vi.waitFor(() => expect(asked.starts.map(({ agent }) => agent)).toEqual(['ada', 'eve']), patiently);
    expect(await rig()).toMatchObject({ state: 'ready', fault: null });
  });

  it('is restored again by its recovery while the agents that are there work', async () => {
    await using instance = await watched('rest');
    let rounds = 0;
    const fault = { code: 'git_unreachable', reason: 'down', retryable: true } as const;
    const asked = await makeTown('rest', (rig, request) => {
      const report = goodReport(rig, request);
      rounds += 1;
      if (rounds > 1) return report;
      const agents = report.agents.map((each) => (each.agent === 'ada' ? each : { ...each, fault }));
      return { ...report, status: 'partial', fault, agents };
    });
    const start = holdContainer('rest');
    await addRig('rest', 'hono', ['ada', 'eve']);
    start();
    await instance.waitForStatus('complete');
    expect((await latestRecovery('rest'))?.status).toBe('complete');
    expect(await instance.waitForStepResult({ name: 'wake what there is of rig hono (1)' })).toBeNull();
    await vi.waitFor(() => expect(asked.starts).toHaveLength(2), patiently);
  });
});
