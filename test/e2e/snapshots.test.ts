import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../dev/client.ts';
import { Prime } from '../../src/contract/prime.ts';
import { makeTown, scribble, stateOf, untilSnapshot, worktreeOf } from './unpushed-work.ts';
import { killContainer, openWorld, PATIENCE_MS, untilRecovered } from './world.ts';
import type { World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

describe('work that was never pushed', () => {
  it('comes back as it was after a SIGKILL: commits, staged, unstaged and untracked files, modes and links', async () => {
    const town = await makeTown(world, 'killed', 'hono');
    const before = worktreeOf(world, 'hono');
    const since = await scribble(before);
    const was = await stateOf(before);
    await untilSnapshot(world, town, 'hono', since);
    killContainer(world);
    const recovery = await untilRecovered(town, 2);
    expect(recovery.rigs[0]?.agents[0]).toMatchObject({ snapshot: 'restored', lost: [], fault: null });
    expect(await stateOf(worktreeOf(world, 'hono'))).toEqual(was);
    const prime = Prime.parse(await town.call('GET', '/rigs/hono/agents/ada/prime'));
    expect(prime.text).toContain('was put back from a snapshot');
    await town.call('DELETE', '');
  });

  it('is there from the moment in which git commit has returned, hours before any other snapshot', async () => {
    const committed = join(world.dir, 'committed');
    const command = `echo mine > mine.txt; git add -A; git commit -qm mine; touch '${committed}'; exec sleep 600`;
    const town = await makeTown(world, 'hooked', 'hooked', {
      agentCommand: command,
      snapshotIntervalSeconds: 3600,
    });
    await until('the agent has committed', PATIENCE_MS, async () =>
      Promise.resolve(existsSync(committed) ? true : null),
    );
    killContainer(world);
    expect((await untilRecovered(town, 2)).rigs[0]?.agents[0]).toMatchObject({ snapshot: 'restored' });
    const { stdout } = await execa({ cwd: worktreeOf(world, 'hooked') })`git log -1 --format=%s`;
    expect(stdout).toBe('mine');
    await town.call('DELETE', '');
  });

  it('comes back after a SIGTERM although it was written just before', async () => {
    const town = await makeTown(world, 'drained', 'zod');
    await scribble(worktreeOf(world, 'zod'));
    const was = await stateOf(worktreeOf(world, 'zod'));
    const container = world.relight.engine.containers().find(({ running }) => running);
    world.relight.engine.kill(container?.id ?? '', 'SIGTERM');
    const recovery = await untilRecovered(town, 2);
    expect(recovery.rigs[0]?.agents[0]).toMatchObject({ snapshot: 'restored', lost: [] });
    expect(await stateOf(worktreeOf(world, 'zod'))).toEqual(was);
    await town.call('DELETE', '');
  });

  it('is kept and shown, and overwrites nothing, when the branch has moved on the remote meanwhile', async () => {
    const town = await makeTown(world, 'moved', 'moved');
    const worktree = worktreeOf(world, 'moved');
    await execa({ cwd: worktree })`git push -q origin HEAD`;
    await untilSnapshot(world, town, 'moved', await scribble(worktree));
    const other = join(world.dir, 'other');
    await execa`git clone -q -b gt/ada/bead ${world.git.url}/moved.git ${other}`;
    await writeFile(join(other, 'theirs.txt'), 'theirs');
    await execa({ cwd: other })`git add -A`;
    await execa({ cwd: other })`git -c user.name=o -c user.email=o@o.invalid commit -qm theirs`;
    await execa({ cwd: other })`git push -q origin HEAD`;
    killContainer(world);
    const [report] = (await untilRecovered(town, 2)).rigs[0]?.agents ?? [];
    expect(report).toMatchObject({ snapshot: 'conflict', from: 'remote', lost: [] });
    expect(report?.warnings.join('\n')).toContain('refs/relight/snapshots/ada/');
    expect(await readFile(join(worktreeOf(world, 'moved'), 'theirs.txt'), 'utf8')).toBe('theirs');
    await town.call('DELETE', '');
  });
});

describe('snapshots', () => {
  it('are deleted with their bead', async () => {
    const town = await makeTown(world, 'finished', 'done');
    await writeFile(join(worktreeOf(world, 'done'), 'new.txt'), 'new');
    await untilSnapshot(world, town, 'done');
    await town.call('DELETE', '/rigs/done/agents/ada/hook');
    expect(await town.call('GET', '/rigs/done/agents/ada/snapshots')).toEqual({ snapshots: [] });
    await town.call('DELETE', '');
  });
});
