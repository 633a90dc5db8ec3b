import { execa } from 'execa';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../dev/client.ts';
import { createRepository } from '../../dev/git-server/repository.ts';
import { chosenEngine } from '../../dev/relight.ts';
import {
  diskOf,
  killContainer,
  npx,
  openWorld,
  PATIENCE_MS,
  sling,
  untilAgent,
  untilRecovered,
} from './world.ts';
import type { World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const TOWN = 'inspected';

describe('inspecting and replaying a recovery', () => {
  it('leaves dirty worktrees and running agents alone, by wrangler and by the operator API', async () => {
    const town = world.town(TOWN);
    await town.call('PUT', '', { agentCommand: 'echo working; sleep 600' });
    const gitUrl = await createRepository(world.git, 'hono', { from: import.meta.dirname });
    await town.call('PUT', '/rigs/hono', { gitUrl });
    await sling(town, 'hono', 'ada', 'bead');
    await untilAgent(town, 'hono', 'ada', 'working');
    const { recoveryId } = await untilRecovered(town, 1);
    const worktree = join(diskOf(world), 'workspace', 'rigs', 'hono', 'agents', 'ada');
    await writeFile(join(worktree, 'untracked.txt'), 'mine');
    await writeFile(join(worktree, 'world.ts'), 'changed');
    const before = await stateOf(worktree);
    const startedAt = (await town.agent('hono', 'ada')).startedAt;

    const local = ['--local', '--port', new URL(world.relight.url).port];
    const listed = await npx('wrangler', 'workflows', 'instances', 'list', 'recovery', ...local);
    expect(listed).toContain(recoveryId);
    const described = await npx(
      'wrangler',
      'workflows',
      'instances',
      'describe',
      'recovery',
      recoveryId,
      ...local,
    );
    for (const step of ['open recovery', 'restore rig hono', 'wake rig hono', 'close recovery']) {
      expect(described).toContain(step);
    }
    const replays = [
      () => npx('wrangler', 'workflows', 'instances', 'restart', 'recovery', recoveryId, ...local),
      () =>
        npx(
          ...['wrangler', 'workflows', 'instances', 'restart', 'recovery', recoveryId],
          ...['--from-step-name', 'restore rig hono', ...local],
        ),
      () => town.call('POST', '/recoveries', {}),
    ];
    for (const replay of replays) {
      const finished = (await town.recoveries())[0]?.finishedAt ?? 0;
      await replay();
      await until('the replay is complete', PATIENCE_MS, async () => {
        const newest = (await town.recoveries())[0];
        return newest?.status === 'complete' && (newest.finishedAt ?? 0) > finished ? true : null;
      });
      expect(await stateOf(worktree)).toEqual(before);
      expect(await town.agent('hono', 'ada')).toMatchObject({ status: 'working', startedAt });
    }
    expect((await town.recoveries())[0]?.rigs[0]?.agents[0]).toMatchObject({
      from: 'kept',
      snapshot: 'kept',
    });
    expect((await town.town()).generation).toBe(1);
    await town.call('DELETE', '');
  });
});

describe('Worker redeployed in mid-recovery: a Worker that is killed', () => {
  it('goes on with the unfinished recovery when it is started again on the same state', async () => {
    const town = world.town('resumed');
    const gate = join(world.dir, 'gate');
    await town.call('PUT', '', { agentCommand: 'sleep 600' });
    const gitUrl = await createRepository(world.git, 'slow', { from: import.meta.dirname });
    const setupCommand = `while [ ! -e '${gate}' ]; do sleep 0.1; done`;
    await town.call('PUT', '/rigs/slow', { gitUrl, setupCommand });
    await sling(town, 'slow', 'ada', 'bead');
    await until('the setup command runs', PATIENCE_MS, async () => {
      const rig = (await town.recoveries())[0]?.rigs[0];
      return rig?.status === 'restoring' ? true : null;
    });
    const containers = world.relight.engine.containers();
    await world.relight.restartWorker();
    // In Docker, wrangler takes them along when it stops.
    if (chosenEngine() === 'process') expect(world.relight.engine.containers()).toEqual(containers);
    await writeFile(gate, '');
    await untilAgent(town, 'slow', 'ada', 'working');
    expect(await untilRecovered(town, (await town.town()).generation)).toMatchObject({ status: 'complete' });
    killContainer(world);
    await until('the next boot has recovered', PATIENCE_MS, async () =>
      (await town.recoveries())[0]?.status === 'complete' && (await town.town()).generation >= 2
        ? true
        : null,
    );
    await town.call('DELETE', '');
  });

  it('starts the container again at once where it was starting it', async () => {
    const town = world.town('halfway');
    await town.call('PUT', '', { agentCommand: 'sleep 600' });
    await town.call('PUT', '/rigs/site', {
      gitUrl: await createRepository(world.git, 'site', { from: import.meta.dirname }),
    });
    await sling(town, 'site', 'ada', 'bead');
    await untilAgent(town, 'site', 'ada', 'working');
    killContainer(world);
    await until('the town starts', PATIENCE_MS, async () =>
      (await town.town()).state === 'starting' ? true : null,
    );
    await world.relight.restartWorker('SIGKILL');
    expect(await untilRecovered(town, 2)).toMatchObject({ status: 'complete' });
    await untilAgent(town, 'site', 'ada', 'working');
    await town.call('DELETE', '');
  });
});

/** What a restore must not touch: content, index, HEAD. */
async function stateOf(worktree: string): Promise<string[]> {
  const { stdout: status } = await execa({
    cwd: worktree,
  })`git --no-optional-locks status --porcelain=v2 --branch`;
  const { stdout: diff } = await execa({ cwd: worktree })`git --no-optional-locks diff`;
  return [status, diff, await readFile(join(worktree, 'untracked.txt'), 'utf8')];
}
