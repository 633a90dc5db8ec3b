import { existsSync } from 'node:fs';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ownDir, worktreeDir } from '../../../container/git/layout.ts';
import { CONTROL, ControlHealth } from '../../../src/contract/control.ts';
import { makeWorkspace, restoreRequest, startControl } from './control-process.ts';
import { eventually, startFakeWorker } from './fake-worker.ts';
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
