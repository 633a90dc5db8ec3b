import { execa } from 'execa';
import { readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../dev/client.ts';
import { makeTown, scribble, stateOf, untilSnapshot, worktreeOf } from './unpushed-work.ts';
import { killContainer, openWorld, PATIENCE_MS, untilRecovered } from './world.ts';
import type { World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

describe('snapshots on the git remote', () => {
  it('bring back what was never pushed, as branches where the server takes no other refs', async () => {
    const town = await makeTown(world, 'refs', 'strict', { snapshotStore: 'git' });
    const bare = join(world.git.rootDir, 'strict.git');
    await execa({ cwd: bare })`git config receive.hideRefs refs/gastown`;
    const since = await scribble(worktreeOf(world, 'strict'));
    const was = await stateOf(worktreeOf(world, 'strict'));
    await untilSnapshot(world, town, 'strict', since);
    killContainer(world);
    const [report] = (await untilRecovered(town, 2)).rigs[0]?.agents ?? [];
    expect(report).toMatchObject({ snapshot: 'restored', lost: [], fault: null });
    expect(await stateOf(worktreeOf(world, 'strict'))).toEqual(was);
    // The next generation knows where this server takes them.
    await writeFile(join(worktreeOf(world, 'strict'), 'more.txt'), 'more');
    await untilSnapshot(world, town, 'strict');
    expect((await wipRefs(bare)).some((ref) => ref.endsWith('.2'))).toBe(true);
    await town.call('DELETE', '/rigs/strict/agents/ada/hook');
    await until('the remote has no snapshot left', PATIENCE_MS, async () =>
      (await wipRefs(bare)).length === 0 ? true : null,
    );
    await town.call('DELETE', '');
  });
});

describe('a store that fails', () => {
  it('shows the work as at risk, until the remote takes it again; a town that sleeps is deleted with its refs', async () => {
    const town = await makeTown(world, 'down', 'down', { snapshotStore: 'git' });
    world.git.setFault('down', { status: 503 });
    await writeFile(join(worktreeOf(world, 'down'), 'new.txt'), 'new');
    const risk = await until('the work is at risk', PATIENCE_MS, async () => {
      return (await town.agent('down', 'ada')).atRisk;
    });
    expect(risk.code).toBe('git_server');
    world.git.setFault('down', null);
    await until('the work is safe', PATIENCE_MS, async () => {
      const { atRisk, snapshot } = await town.agent('down', 'ada');
      return atRisk === null && snapshot !== null ? true : null;
    });
    const bare = join(world.git.rootDir, 'down.git');
    expect(await wipRefs(bare)).not.toEqual([]);
    await town.call('POST', '/container', { action: 'stop' });
    await until('the town sleeps', PATIENCE_MS, async () =>
      (await town.town()).state === 'dark' ? true : null,
    );
    expect(await town.call('DELETE', '')).toEqual({ left: [] });
    expect(await wipRefs(bare)).toEqual([]);
  });

  it('shows the work as at risk while the bucket fails, and nothing is lost once it works', async () => {
    const town = await makeTown(world, 'bucket', 'bucket');
    await writeFile(join(worktreeOf(world, 'bucket'), 'first.txt'), 'first');
    await untilSnapshot(world, town, 'bucket');
    const bundle = await newestBundle();
    const blobs = dirname(bundle);
    await rename(blobs, `${blobs}.away`);
    await writeFile(blobs, 'no folder');
    await writeFile(join(worktreeOf(world, 'bucket'), 'second.txt'), 'second');
    const risk = await until('the work is at risk', PATIENCE_MS, async () => {
      return (await town.agent('bucket', 'ada')).atRisk;
    });
    expect(risk).toMatchObject({ code: 'snapshot_store', retryable: true });
    await rm(blobs);
    await rename(`${blobs}.away`, blobs);
    await until('the work is safe', PATIENCE_MS, async () =>
      (await town.agent('bucket', 'ada')).atRisk === null ? true : null,
    );
    await town.call('DELETE', '');
  });

  it('falls back on the snapshot before when the newest is damaged, and says what is lost', async () => {
    const town = await makeTown(world, 'damaged', 'damaged');
    const worktree = worktreeOf(world, 'damaged');
    await writeFile(join(worktree, 'first.txt'), 'first');
    await untilSnapshot(world, town, 'damaged');
    await writeFile(join(worktree, 'second.txt'), 'second');
    await untilSnapshot(world, town, 'damaged');
    const newest = await newestBundle();
    await writeFile(newest, Buffer.alloc((await stat(newest)).size));
    killContainer(world);
    const [report] = (await untilRecovered(town, 2)).rigs[0]?.agents ?? [];
    expect(report?.snapshot).toBe('restored');
    expect(report?.lost).toHaveLength(1);
    const { stdout } = await execa({ cwd: worktreeOf(world, 'damaged') })`git status --porcelain`;
    expect(stdout).toBe('?? first.txt');
    await town.call('DELETE', '');
  });

  it('loses nothing when the git remote is away while the container drains', async () => {
    const town = await makeTown(world, 'drains', 'drains');
    await scribble(worktreeOf(world, 'drains'));
    const was = await stateOf(worktreeOf(world, 'drains'));
    world.git.setFault('drains', { status: 503 });
    const container = world.relight.engine.containers().find(({ running }) => running);
    world.relight.engine.kill(container?.id ?? '', 'SIGTERM');
    await until(
      'the container has ended',
      PATIENCE_MS,
      async () =>
        await Promise.resolve(
          world.relight.engine.containers().some(({ id }) => id === container?.id) ? null : true,
        ),
    );
    world.git.setFault('drains', null);
    const report = await until('the agent is back', PATIENCE_MS, async () => {
      const recoveries = await town.recoveries();
      return (
        recoveries
          .flatMap(({ rigs }) => rigs[0]?.agents ?? [])
          .find(({ snapshot }) => snapshot === 'restored') ?? null
      );
    });
    expect(report.lost).toEqual([]);
    expect(await stateOf(worktreeOf(world, 'drains'))).toEqual(was);
    await town.call('DELETE', '');
  });
});

async function wipRefs(bare: string): Promise<string[]> {
  const { stdout } = await execa({ cwd: bare })`git for-each-ref --format=%(refname)`;
  return stdout.split('\n').filter((ref) => ref.includes('gastown'));
}

/** The newest object in the local bucket, where workerd keeps it. */
async function newestBundle(): Promise<string> {
  const state = join(world.dir, 'state');
  const files = await readdir(state, { recursive: true, withFileTypes: true });
  const blobs = files.filter((entry) => entry.isFile() && /\br2\b.*blobs/.test(entry.parentPath));
  const found = await Promise.all(
    blobs.map(async ({ parentPath, name }) => {
      const file = join(parentPath, name);
      return { file, mtimeMs: (await stat(file)).mtimeMs };
    }),
  );
  const [newest] = found.toSorted((a, b) => b.mtimeMs - a.mtimeMs);
  if (newest === undefined) throw new Error('the bucket is empty');
  return newest.file;
}
