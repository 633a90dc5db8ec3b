import { expect, onTestFinished, test } from 'vitest';
import { Heartbeats } from '../../../container/heartbeats.ts';
import { Lifecycle } from '../../../container/lifecycle.ts';
import { WorkerClient } from '../../../container/worker-client.ts';
import type { AgentSighting } from '../../../src/contract/control.ts';
import { eventually, GENERATION, startFakeWorker, TOKEN } from './fake-worker.ts';

const DISK = { freeBytes: 1, totalBytes: 2, freeInodes: 3 };
const disk = async () => await Promise.resolve(DISK);

const erasedRigs = {
  onDisk: async () => await Promise.resolve(new Map<string, number>()),
  remove: async () => await Promise.resolve(),
};

function sighting(agent: string): AgentSighting {
  const startId = '00000000-0000-4000-8000-000000000000';
  return {
    rig: 'rig',
    agent,
    bead: 'bead-1',
    startId,
    atRisk: null,
    wroteAt: null,
    state: 'running',
    startedAt: 0,
  };
}

test('changes that come together are one heartbeat, and those during a heartbeat are in the next', async () => {
  const worker = await startFakeWorker();
  const agents: AgentSighting[] = [];
  const first = Promise.withResolvers<void>();
  let open = 0;
  worker.answer('heartbeat', async () => {
    open += 1;
    expect(open).toBe(1);
    await first.promise;
    open -= 1;
    return { status: 200, json: { generation: GENERATION } };
  });
  const client = new WorkerClient({ url: worker.url, token: TOKEN, onFenced: () => undefined });
  const heartbeats = new Heartbeats({
    worker: client,
    lifecycle: new Lifecycle('b'.repeat(32), 0),
    sightings: () => [...agents],
    disk,
    erasedRigs,
  });
  onTestFinished(() => heartbeats.stop());
  void heartbeats.run();

  const change = (agent: string): void => {
    agents.push(sighting(agent));
    heartbeats.soon();
  };
  change('a');
  change('b');
  await worker.call('heartbeat');
  change('c');
  change('d');
  first.resolve();
  await eventually(() => expect(worker.bodies('heartbeat')).toHaveLength(2));
  const seen = worker.bodies('heartbeat').map((beat) => beat.agents.map(({ agent }) => agent).join(''));
  expect(seen).toEqual(['ab', 'abcd']);
});

test('a heartbeat teaches the generation that an announcement did not, and an unheard one is no error', async () => {
  const worker = await startFakeWorker();
  const lifecycle = new Lifecycle('b'.repeat(32), 0);
  const client = new WorkerClient({ url: worker.url, token: TOKEN, onFenced: () => undefined });
  const heartbeats = new Heartbeats({ worker: client, lifecycle, sightings: () => [], disk, erasedRigs });
  worker.answer('heartbeat', () => ({ status: 200, json: { generation: null } }));
  await heartbeats.beat();
  worker.answer('heartbeat', () => ({ status: 500 }));
  await heartbeats.beat();
  expect(lifecycle.generation).toBeNull();
  worker.answer('heartbeat', null);
  await heartbeats.beat();
  expect(lifecycle.generation).toBe(GENERATION);
});

test('a heartbeat carries the figures of the disk, and goes out without them where they cannot be had', async () => {
  const worker = await startFakeWorker();
  let broken = false;
  const heartbeats = new Heartbeats({
    worker: new WorkerClient({ url: worker.url, token: TOKEN, onFenced: () => undefined }),
    lifecycle: new Lifecycle('b'.repeat(32), 0),
    sightings: () => [],
    disk: async () => await (broken ? Promise.reject(new Error('no such disk')) : disk()),
    erasedRigs,
  });
  await heartbeats.beat();
  broken = true;
  await heartbeats.beat();
  expect(worker.bodies('heartbeat').map((beat) => beat.disk)).toEqual([DISK, null]);
});

test('a heartbeat whose answer has a new token is the last one with the old', async () => {
  const worker = await startFakeWorker();
  worker.tokens.add('renewed');
  worker.answer('heartbeat', () => ({ status: 200, json: { generation: GENERATION, token: 'renewed' } }));
  const renewals: string[] = [];
  const heartbeats = new Heartbeats({
    worker: new WorkerClient({
      url: worker.url,
      token: TOKEN,
      onFenced: () => undefined,
      onRenewed: (token) => renewals.push(token),
    }),
    lifecycle: new Lifecycle('b'.repeat(32), 0),
    sightings: () => [],
    disk,
    erasedRigs,
  });
  const seen: (string | undefined)[] = [];
  for (const _ of [1, 2, 3]) {
    await heartbeats.beat();
    seen.push(worker.newestToken());
  }
  expect(seen).toEqual([TOKEN, 'renewed', 'renewed']);
  expect(renewals, 'what is to be hidden from logs').toEqual(['renewed']);
});
