import { existsSync } from 'node:fs';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ownDir, worktreeDir } from '../../../container/git/layout.ts';
import { CONTROL, ControlHealth } from '../../../src/contract/control.ts';
import { makeWorkspace, restoreRequest, startControl } from './control-process.ts';
import { eventually, GENERATION, startFakeWorker } from './fake-worker.ts';
import type { FakeWorker } from './fake-worker.ts';
import { startRemote } from './worktrees.ts';

/** A control server that has restored the worktrees of two agents. */
async function townOfTwo() {
  const worker = await startFakeWorker();
  const { gitUrl } = await startRemote();
  const control = await startControl(worker.url);
  const restore = async (agents: string[], hooked: string[]) => {
    const reports = worker.bodies('rigReport').length;
    const request = restoreRequest(control.life, gitUrl, agents, { hooked });
    await control.call(CONTROL.restore, { rig: 'rig' }, request);
    await eventually(() => expect(worker.bodies('rigReport')).toHaveLength(reports + 1));
  };
  await restore(['a', 'b'], ['a', 'b']);
  const placesOf = (agent: string): string[] => [
    worktreeDir(control.workspace, 'rig', agent),
    join(control.workspace, 'home/rig', agent),
    join(control.workspace, 'prime/rig', `${agent}.md`),
  ];
  return { worker, control, restore, placesOf };
}

describe('what an agent had on disk', () => {
  test('goes when its bead is done and its process has ended, and not while either is still open', async () => {
    const { worker, control, placesOf } = await townOfTwo();
    await control.start('b', { branch: 'gt/b/bead-1', command: 'exit 1' });
    await worker.call('exit', ({ agent }) => agent === 'b');
    const finish = 'gt done && touch "$HOME/said" && until test -e "$HOME/go"; do sleep 0.02; done';
    await control.start('a', { command: finish });
    const [, home = ''] = placesOf('a');
    await eventually(() => expect(existsSync(join(home, 'said'))).toBe(true));
    expect(placesOf('a').every(existsSync)).toBe(true);
    await writeFile(join(home, 'go'), '');
    await eventually(() => expect(placesOf('a').filter(existsSync)).toEqual([]));
    expect(placesOf('b').every(existsSync)).toBe(true);
  });

  test('goes when its bead was taken away', async () => {
    const { control, placesOf } = await townOfTwo();
    const places = { rig: 'rig', agent: 'a' };
    await control.start('a', {});
    await eventually(() => expect(placesOf('a').every(existsSync)).toBe(true));
    expect((await control.call(CONTROL.stop, places, { life: control.life })).status).toBe(204);
    await eventually(() => expect(placesOf('a').filter(existsSync)).toEqual([]));
  });

  test('goes with the next restore that does not name it, unless it runs or its work is kept safe', async () => {
    const { worker, control, restore, placesOf } = await townOfTwo();
    await control.start('b', { branch: 'gt/b/bead-1', command: 'exit 1' });
    await worker.call('exit', ({ agent }) => agent === 'b');
    await restore([], []);
    expect(placesOf('a').filter(existsSync)).toEqual([]);
    expect(placesOf('b').every(existsSync)).toBe(true);
  });
});

describe('a rig that the town does not have any more', () => {
  const rigPlaces = (workspace: string): string[] =>
    ['rigs/rig', 'home/rig', 'prime/rig', 'cache/rig'].map((place) => join(workspace, place));

  /** Answers the next heartbeats as a town without the rigs on disk; gives how many were answered so. */
  function erase(worker: FakeWorker, gate = Promise.resolve()): () => number {
    let answered = 0;
    worker.answer('heartbeat', async ({ rigs }) => {
      await gate;
      answered += 1;
      return { status: 200, json: { generation: GENERATION, erased: rigs } };
    });
    return () => answered;
  }

  test('is taken off the disk whole once none of its agents runs, whatever they left there', async () => {
    const { worker, control } = await townOfTwo();
    const command =
      'echo unpushed > work.txt; mkdir -p "$HOME/x"; touch up; trap "exit 0" TERM; while :; do sleep 0.05; done';
    await control.start('a', { command });
    await eventually(() =>
      expect(existsSync(join(worktreeDir(control.workspace, 'rig', 'a'), 'up'))).toBe(true),
    );
    const answered = erase(worker);
    await control.start('b', { branch: 'gt/b/bead-1', command: 'exit 1' });
    await worker.call('exit', ({ agent }) => agent === 'b');
    await eventually(() => expect(answered()).toBeGreaterThan(3));
    expect(existsSync(worktreeDir(control.workspace, 'rig', 'a'))).toBe(true);
    await control.call(CONTROL.stop, { rig: 'rig', agent: 'a' }, { life: control.life });
    await eventually(() => expect(rigPlaces(control.workspace).filter(existsSync)).toEqual([]));
    expect(existsSync(join(control.workspace, 'rigs'))).toBe(true);
  });

  test('stays where it was asked for again before that answer came, however late it is', async () => {
    const { worker, restore } = await townOfTwo();
    const gate = Promise.withResolvers<void>();
    const answered = erase(worker, gate.promise);
    const beats = worker.bodies('heartbeat').length;
    await eventually(() => expect(worker.bodies('heartbeat').length).toBeGreaterThan(beats));
    await restore(['a', 'b'], ['a', 'b']);
    worker.answer('heartbeat', null);
    gate.resolve();
    await eventually(() => expect(answered()).toBe(1));
    // The next heartbeat shows that the answer was taken; a restore comes after whatever that has led to.
    const taken = worker.bodies('heartbeat').length;
    await eventually(() => expect(worker.bodies('heartbeat').length).toBeGreaterThan(taken));
    await restore(['a', 'b'], ['a', 'b']);
    expect(
      worker
        .bodies('rigReport')
        .at(-1)
        ?.report.agents.map(({ from }) => from),
    ).toEqual(['kept', 'kept']);
  });
});

describe('the disk of the control server', () => {
  test('is in its health, and bundles that an earlier life left on it are removed', async () => {
    const workspace = await makeWorkspace();
    const bundles = ownDir(workspace, 'rig');
    await mkdir(bundles, { recursive: true });
    await writeFile(join(bundles, 'a.7.bundle'), 'half');
    await utimes(join(bundles, 'a.7.bundle'), 1, 1);
    const worker = await startFakeWorker();
    const control = await startControl(worker.url, { workspace });
    await eventually(async () => expect(await readdir(bundles)).toEqual([]));
    const { disk } = ControlHealth.parse((await control.call(CONTROL.health)).json());
    expect(disk?.freeBytes).toBeGreaterThan(0);
    expect(disk?.totalBytes).toBeGreaterThan(disk?.freeBytes ?? 0);
  });
});
