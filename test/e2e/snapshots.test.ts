import { execa } from 'execa';
import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../dev/client.ts';
import type { TownClient } from '../../dev/client.ts';
import { createRepository } from '../../dev/git-server/repository.ts';
import { Prime } from '../../src/contract/prime.ts';
import { diskOf, killContainer, openWorld, PATIENCE_MS, sling, untilAgent, untilRecovered } from './world.ts';
import type { World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

describe('work that was never pushed', () => {
  it('comes back as it was after a SIGKILL: commits, staged, unstaged and untracked files, modes and links', async () => {
    const town = await makeTown('killed', 'hono');
    const before = worktreeOf(world);
    await scribble(before);
    const was = await stateOf(before);
    await untilSnapshot(town, 'hono');
    killContainer(world);
    const recovery = await untilRecovered(town, 2);
    expect(recovery.rigs[0]?.agents[0]).toMatchObject({ snapshot: 'restored', lost: [], fault: null });
    expect(await stateOf(worktreeOf(world))).toEqual(was);
    const prime = Prime.parse(await town.call('GET', '/rigs/hono/agents/ada/prime'));
    expect(prime.text).toContain('was put back from a snapshot');
    await town.call('DELETE', '');
  });

  it('comes back after a SIGTERM although it was written just before', async () => {
    const town = await makeTown('drained', 'zod');
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
    const town = await makeTown('moved', 'moved');
    const worktree = worktreeOf(world, 'moved');
    await execa({ cwd: worktree })`git push -q origin HEAD`;
    await scribble(worktree);
    await untilSnapshot(town, 'moved');
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
    const town = await makeTown('finished', 'done');
    await writeFile(join(worktreeOf(world, 'done'), 'new.txt'), 'new');
    await untilSnapshot(town, 'done');
    await town.call('DELETE', '/rigs/done/agents/ada/hook');
    expect(await town.call('GET', '/rigs/done/agents/ada/snapshots')).toEqual({ snapshots: [] });
    await town.call('DELETE', '');
  });
});

async function makeTown(name: string, rig: string): Promise<TownClient> {
  const town = world.town(name);
  await town.call('PUT', '', { agentCommand: 'sleep 600', drainSeconds: 2, snapshotIntervalSeconds: 2 });
  const gitUrl = await createRepository(world.git, rig, { from: import.meta.dirname });
  await town.call('PUT', `/rigs/${rig}`, { gitUrl });
  await sling(town, rig, 'ada', 'bead');
  await untilAgent(town, rig, 'ada', 'working');
  return town;
}

function worktreeOf(of: World, rig = 'hono'): string {
  return join(diskOf(of), 'workspace', 'rigs', rig, 'agents', 'ada');
}

/** Waits until the newest state of the worktree is stored: asks for a snapshot now, and sees it recorded. */
async function untilSnapshot(town: TownClient, rig: string): Promise<void> {
  const before = (await town.agent(rig, 'ada')).snapshot?.seq ?? 0;
  await town.call('POST', `/rigs/${rig}/agents/ada/snapshots`, {});
  await until('a snapshot is recorded', PATIENCE_MS, async () =>
    ((await town.agent(rig, 'ada')).snapshot?.seq ?? 0) > before ? true : null,
  );
}

/** Leaves every kind of unpushed work behind. */
async function scribble(worktree: string): Promise<void> {
  const run = execa({ cwd: worktree });
  await writeFile(join(worktree, 'committed.txt'), 'committed\n');
  await run`git add committed.txt`;
  await run`git -c user.name=a -c user.email=a@a.invalid commit -qm unpushed`;
  await writeFile(join(worktree, 'staged.txt'), 'staged\r\n');
  await run`git add staged.txt`;
  await writeFile(join(worktree, 'staged.txt'), 'and changed again\n');
  await writeFile(join(worktree, 'world.ts'), 'unstaged\n');
  await rm(join(worktree, 'launcher.test.ts'));
  await run`git mv recovery.test.ts renamed.ts`;
  await mkdir(join(worktree, 'deep/er'), { recursive: true });
  await writeFile(join(worktree, 'deep/er/untracked file.bin'), Buffer.from([0, 255, 13, 10]));
  await writeFile(join(worktree, 'run.sh'), '#!/bin/sh\n');
  await chmod(join(worktree, 'run.sh'), 0o755);
  await symlink('world.ts', join(worktree, 'link'));
}

async function stateOf(worktree: string): Promise<string[]> {
  const run = execa({ cwd: worktree });
  const { stdout: status } = await run`git --no-optional-locks status --porcelain=v2 --untracked-files=all`;
  const { stdout: diff } = await run`git --no-optional-locks diff --binary`;
  const { stdout: staged } = await run`git --no-optional-locks diff --cached --binary`;
  const { stdout: log } = await run`git log --format=%H%s`;
  const { stdout: modes } = await run`find . -path ./.git -prune -o -printf ${'%p %m %y %l\n'}`;
  const bytes = await readFile(join(worktree, 'deep/er/untracked file.bin'), 'hex');
  return [
    status,
    diff,
    staged,
    log,
    modes
      .split('\n')
      .toSorted((a, b) => (a < b ? -1 : 1))
      .join('\n'),
    bytes,
  ];
}
