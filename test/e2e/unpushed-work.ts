import { execa } from 'execa';
import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OWN_SESSION } from '../../container/agents/environment.ts';
import { homeDir } from '../../container/agents/places.ts';
import { until } from '../../dev/client.ts';
import type { TownClient } from '../../dev/client.ts';
import { createRepository } from '../../dev/git-server/repository.ts';
import { diskOf, PATIENCE_MS, sling, untilAgent } from './world.ts';
import type { World } from './world.ts';

/** A town with one rig, whose agent ada works on a bead; snapshots come soon. */
export async function makeTown(
  world: World,
  name: string,
  rig: string,
  settings: object = {},
): Promise<TownClient> {
  const town = world.town(name);
  const usual = { agentCommand: 'sleep 600', drainSeconds: 2, snapshotIntervalSeconds: 2 };
  await town.call('PUT', '', { ...usual, ...settings });
  const gitUrl = await createRepository(world.git, rig, { from: import.meta.dirname });
  await town.call('PUT', `/rigs/${rig}`, { gitUrl });
  await sling(town, rig, 'ada', 'bead');
  await untilAgent(town, rig, 'ada', 'working');
  return town;
}

/** Where ada's worktree lies in the only container that runs. */
export function worktreeOf(of: World, rig: string): string {
  return join(diskOf(of), 'workspace', 'rigs', rig, 'agents', 'ada');
}

/** Waits until a snapshot is stored that was begun at `since` or later, and asks for it to have it soon. */
export async function untilSnapshot(
  world: World,
  town: TownClient,
  rig: string,
  since = Date.now(),
): Promise<void> {
  const session = join(homeDir(join(diskOf(world), 'workspace'), rig, 'ada'), OWN_SESSION);
  await mkdir(session, { recursive: true });
  let newest = Number.NaN;
  await until('a snapshot is recorded', PATIENCE_MS, async () => {
    const at = (await town.agent(rig, 'ada')).snapshot?.at ?? 0;
    if (at >= since) return true;
    if (at === newest) return null;
    newest = at;
    // One that was begun earlier may hold everything already, and then only something new makes another one.
    await writeFile(join(session, 'asked'), String(Date.now()));
    await town.call('POST', `/rigs/${rig}/agents/ada/snapshots`, {});
    return null;
  });
}

/** Leaves every kind of unpushed work behind, and gives the time at which that was done. */
export async function scribble(worktree: string): Promise<number> {
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
  return Date.now();
}

/** Everything that a restore has to bring back as it was. */
export async function stateOf(worktree: string): Promise<string[]> {
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
