import { describe, expect, test } from 'vitest';
import { Restores } from '../../../container/restores.ts';
import { WorkerClient } from '../../../container/worker-client.ts';
import type { RestoreAnswer, RestoreRequest } from '../../../src/contract/control.ts';
import type { RigReport } from '../../../src/contract/recovery.ts';
import { restoreRequest } from './control-process.ts';
import { eventually, type FakeWorker, problem, startFakeWorker, TOKEN } from './fake-worker.ts';

const LIFE = { bootId: 'b'.repeat(32), generation: 3 };
const BOOT = `boot-${LIFE.bootId}`;
const REPLAY = 'replay-00000000-0000-4000-8000-000000000000';

interface Bench {
  worker: FakeWorker;
  /** The agents of each restore that began, in order; `rig/agent,agent`. */
  begun: string[];
  /** Lets the oldest restore that runs end. */
  finishOne(): void;
  restores: Restores;
  ask(agents: string[], more?: Partial<RestoreRequest>, rig?: string): RestoreAnswer;
}

async function bench(): Promise<Bench> {
  const worker = await startFakeWorker();
  const begun: string[] = [];
  const running: (() => void)[] = [];
  const client = new WorkerClient({ url: worker.url, token: TOKEN, onFenced: () => begun.push('fenced') });
  const restores = new Restores(client, async (rig, request) => {
    const names = request.agents.map(({ agent }) => agent).toSorted();
    begun.push(`${rig}/${names.join(',')}`);
    await new Promise<void>((resolve) => running.push(resolve));
    return reportOf(rig, names);
  });
  return {
    worker,
    begun,
    restores,
    finishOne: () => running.shift()?.(),
    ask: (agents, more = {}, rig = 'rig') =>
      restores.ask(rig, restoreRequest(LIFE, 'https://git.invalid/rig.git', agents, more)),
  };
}

function reportOf(rig: string, agents: string[]): RigReport {
  const phases = agents.map((agent) => {
    return { name: 'restore', agent, work: 'git' as const, startedAt: 0, ms: 1, ok: true, detail: '' };
  });
  return { rig, status: 'ready', fault: null, phases, agents: [] };
}

describe('a restore that is asked for again', () => {
  test('while it runs, runs once, and the newest event of the recovery gets the report', async () => {
    const { worker, begun, finishOne, ask } = await bench();
    expect(ask(['a', 'b'], { recoveryId: BOOT, event: 'first' })).toEqual({ state: 'restoring' });
    expect(ask(['a', 'b'], { recoveryId: BOOT, event: 'second' })).toEqual({ state: 'restoring' });
    expect(ask(['b'], { recoveryId: BOOT, event: 'third' })).toEqual({ state: 'restoring' });
    finishOne();
    const message = await worker.call('rigReport');
    expect(message).toEqual({
      life: LIFE,
      recoveryId: BOOT,
      event: 'third',
      report: reportOf('rig', ['a', 'b']),
    });
    expect(begun).toEqual(['rig/a,b']);
    expect(worker.bodies('rigReport')).toHaveLength(1);
  });

  test('by somebody else, has a report for each', async () => {
    const { worker, begun, finishOne, ask } = await bench();
    ask(['a'], { recoveryId: BOOT, event: 'boot' });
    ask(['a'], { recoveryId: REPLAY, event: 'replay' });
    ask(['a']);
    finishOne();
    await eventually(() => expect(worker.bodies('rigReport')).toHaveLength(3));
    const events = worker
      .bodies('rigReport')
      .map(({ recoveryId, event }) => `${String(recoveryId)} ${String(event)}`);
    expect(events.toSorted()).toEqual([`${BOOT} boot`, 'null null', `${REPLAY} replay`].toSorted());
    expect(begun).toEqual(['rig/a']);
  });

  test('for agents that the running one does not cover, runs them all afterwards', async () => {
    const { begun, finishOne, ask } = await bench();
    ask(['a']);
    ask(['b']);
    ask(['c', 'a']);
    finishOne();
    await eventually(() => expect(begun).toEqual(['rig/a', 'rig/a,b,c']));
  });

  test('after its end, gives the report to the same recovery, and runs for any other', async () => {
    const { worker, begun, finishOne, ask } = await bench();
    ask(['a'], { recoveryId: BOOT, event: 'lost' });
    finishOne();
    await worker.call('rigReport');
    const report = reportOf('rig', ['a']);
    expect(ask(['a'], { recoveryId: BOOT, event: 'again' })).toEqual({ state: 'finished', report });
    expect(begun).toEqual(['rig/a']);
    expect(ask(['a'], { recoveryId: REPLAY })).toEqual({ state: 'restoring' });
    finishOne();
    await eventually(() => expect(worker.bodies('rigReport')).toHaveLength(2));
    expect(ask(['a'], { recoveryId: REPLAY, event: 'again' }).state).toBe('finished');
    expect(ask(['a'])).toEqual({ state: 'restoring' });
    expect(begun).toEqual(['rig/a', 'rig/a', 'rig/a']);
  });

  test('after its end, runs again for a recovery that asks as it did before: it is replayed', async () => {
    const { worker, begun, finishOne, ask } = await bench();
    ask(['a'], { recoveryId: BOOT, event: 'first' });
    finishOne();
    await worker.call('rigReport');
    expect(ask(['a'], { recoveryId: BOOT, event: 'first' })).toEqual({ state: 'restoring' });
    expect(begun).toEqual(['rig/a', 'rig/a']);
  });
});

test('rigs are restored side by side', async () => {
  const { begun, ask } = await bench();
  ask(['a'], {}, 'one');
  ask(['a'], {}, 'two');
  await eventually(() => expect(begun).toEqual(['one/a', 'two/a']));
});

test('a report is posted until the Worker takes it', async () => {
  const { worker, finishOne, ask } = await bench();
  const answers = [problem('internal'), { status: 503 }, { status: 429, headers: { 'retry-after': '0' } }];
  worker.answer('rigReport', () => answers.shift() ?? { status: 204 });
  ask(['a']);
  finishOne();
  await eventually(() => expect(worker.bodies('rigReport')).toHaveLength(4));
});

test('a restore that breaks is a failed rig with the reason', async () => {
  const worker = await startFakeWorker();
  const client = new WorkerClient({ url: worker.url, token: TOKEN, onFenced: () => undefined });
  const restores = new Restores(client, async () => await Promise.reject(new Error('the disk is gone')));
  restores.ask('rig', restoreRequest(LIFE, 'https://git.invalid/rig.git', ['a']));
  const { report } = await worker.call('rigReport');
  expect(report).toMatchObject({ status: 'failed', fault: { code: 'internal', reason: 'the disk is gone' } });
});
