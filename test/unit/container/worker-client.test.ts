import { expect, test } from 'vitest';
import { WorkerClient } from '../../../container/worker-client.ts';
import { CALLBACKS } from '../../../src/contract/callbacks.ts';
import { RelightError } from '../../../src/contract/errors.ts';
import { type FakeWorker, problem, startFakeWorker, TOKEN } from './fake-worker.ts';

const CALLER = { life: { bootId: 'b'.repeat(32), generation: 3 }, rig: 'rig', agent: 'a' };

async function clientOf(): Promise<{ worker: FakeWorker; client: WorkerClient; fenced: RelightError[] }> {
  const worker = await startFakeWorker();
  const fenced: RelightError[] = [];
  const client = new WorkerClient({ url: worker.url, token: TOKEN, onFenced: (error) => fenced.push(error) });
  return { worker, client, fenced };
}

test("a refusal is an error with the Worker's code and reason, and is not asked for again", async () => {
  const { worker, client } = await clientOf();
  worker.answer('prime', () => problem('unknown_agent'));
  const call = client.call(CALLBACKS.prime, CALLER);
  await expect(call).rejects.toBeInstanceOf(RelightError);
  await expect(call).rejects.toMatchObject({
    code: 'unknown_agent',
    message: 'the test wants unknown_agent',
  });
  expect(worker.bodies('prime')).toHaveLength(1);
});

test('a trouble that may pass is tried again until there is an answer', async () => {
  const { worker, client } = await clientOf();
  const answers = [problem('internal'), { status: 503 }, { status: 429 }];
  worker.answer('checkpoint', () => answers.shift() ?? { status: 200, json: { seq: 7, at: 1 } });
  const message = { ...CALLER, bead: 'bead-1', head: null, data: null };
  expect(await client.call(CALLBACKS.checkpoint, message)).toEqual({ seq: 7, at: 1 });
});

test('the next attempt comes when the Worker asks for it', async () => {
  const { worker, client } = await clientOf();
  const times: number[] = [];
  worker.answer('done', () => {
    times.push(Date.now());
    return times.length === 1 ? problem('internal', { 'retry-after': '1' }) : { status: 204 };
  });
  const message = { ...CALLER, bead: 'bead-1', branch: 'b', head: null, prUrl: null, summary: null };
  await client.call(CALLBACKS.done, message);
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1000);
});

test('somebody who waits for the answer is not kept for as long as the Worker would like', async () => {
  const { worker, client } = await clientOf();
  worker.answer('prime', () => problem('internal', { 'retry-after': '60' }));
  await expect(client.call(CALLBACKS.prime, CALLER)).rejects.toMatchObject({ code: 'internal' });
  expect(worker.bodies('prime')).toHaveLength(1);
});

test('a failure that the Worker calls final is not tried again, whatever its status', async () => {
  const { worker, client } = await clientOf();
  worker.answer('prime', () => problem('git_auth'));
  await expect(client.call(CALLBACKS.prime, CALLER)).rejects.toMatchObject({ code: 'git_auth' });
  expect(worker.bodies('prime')).toHaveLength(1);
});

test.each([
  ['nobody listens', (worker: FakeWorker): Promise<void> => worker.close()],
  ['no answer comes in time', (worker: FakeWorker) => worker.answer('prime', () => 'hang')],
  [
    'the answer is not what the contract says',
    (worker: FakeWorker) => worker.answer('prime', () => ({ status: 200 })),
  ],
  ['there is no reason', (worker: FakeWorker) => worker.answer('prime', () => ({ status: 500 }))],
])('when %s the Worker is unreachable', async (_, spoil) => {
  const { worker, client } = await clientOf();
  await Promise.resolve(spoil(worker));
  const call = client.call(CALLBACKS.prime, CALLER, { patience: 'once', timeoutMs: 300 });
  await expect(call).rejects.toMatchObject({ code: 'worker_unreachable', retryable: true });
});

test('a stale answer is told once, and ends the calls under way and all later ones', async () => {
  const { worker, client, fenced } = await clientOf();
  worker.answer('prime', () => 'hang');
  worker.answer('heartbeat', () => problem('stale_generation'));
  const waiting = client.call(CALLBACKS.prime, CALLER);
  const [beat] = await Promise.allSettled([
    client.call(CALLBACKS.heartbeat, { bootId: CALLER.life.bootId, at: 0, agents: [], disk: null, rigs: [] }),
    expect(waiting).rejects.toMatchObject({ code: 'stale_generation' }),
  ]);
  expect(beat).toMatchObject({ status: 'rejected', reason: { code: 'stale_generation' } });
  const later = client.call(CALLBACKS.prime, CALLER, { patience: 'endless' });
  await expect(later).rejects.toMatchObject({ code: 'stale_generation' });
  expect(fenced).toHaveLength(1);
});
