import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cleanUpAfter } from '../../../container/disk/clean-up.ts';
import { measureDisk, Room } from '../../../container/disk/room.ts';
import { planFor, RIG, run, Scene, write } from './scene.ts';
import { mountSmallDisk } from './small-disk.ts';

const MEGABYTE = 1_000_000;

/** A scene whose main branch has two megabytes that do not compress. */
function largeScene(): Scene {
  const scene = new Scene();
  onTestFinished(() => scene.remove());
  writeFileSync(join(scene.colleague, 'large.bin'), randomBytes(2 * MEGABYTE));
  scene.push('main', { 'more.txt': 'more\n' });
  return scene;
}

function roomOf(scene: Scene): Room {
  return new Room(async () => await measureDisk(scene.workspace));
}

/** What a restore must not leave behind: parts of packs and objects, and worktrees that are not finished. */
function leftBehind(scene: Scene): string[] {
  const files = readdirSync(scene.repo, { recursive: true, encoding: 'utf8' });
  const agents = readdirSync(join(scene.repo, '..', 'agents'));
  return [
    ...files.filter((name) => /tmp_|\.lock$/.test(name)),
    ...agents.filter((agent) => !existsSync(join(scene.repo, 'worktrees', agent, 'relight-ready'))),
  ];
}

describe('disk full', () => {
  it('refuses a new worktree before the disk is full, with the figures, and who is there goes on', async (context) => {
    const scene = largeScene();
    mountSmallDisk(context, scene.workspace, 10);
    const room = roomOf(scene);
    const plans = ['ada', 'bob', 'carl'].map((agent) => planFor(agent));
    for (const plan of plans)
      expect(await scene.restore([plan], {}, { room })).toMatchObject({ status: 'ready' });
    const report = await scene.restore([...plans, planFor('dora')], {}, { room });
    expect(report).toMatchObject({ status: 'partial', fault: null });
    const refused = report.agents.filter(({ fault }) => fault !== null);
    expect(refused.map(({ agent }) => agent)).toEqual(['dora']);
    expect(refused[0]?.fault).toMatchObject({
      code: 'disk_full',
      retryable: true,
      reason: expect.stringMatching(
        /^no room for a worktree of 2\.0 MB: \d\.\d MB of 10\.5 MB are free, 0\.5 MB stay free$/,
      ),
    });
    expect(leftBehind(scene)).toEqual([]);
    const { bavail, bsize } = statfsSync(scene.workspace);
    expect(bavail * bsize).toBeGreaterThan(0.5 * MEGABYTE);
    write(scene.dir('ada'), { 'work.txt': 'work\n' });
    run(scene.dir('ada'), 'add', '.');
    run(scene.dir('ada'), 'commit', '--quiet', '-m', 'work');
    run(scene.dir('ada'), 'push', '--quiet');

    await cleanUpAfter(scene.git, { rig: RIG, agent: 'ada', bead: 'b1' }, () => true);
    expect(await scene.restore([planFor('dora')], {}, { room })).toMatchObject({
      status: 'ready',
      fault: null,
    });
  });

  it('in the middle of a fetch or a checkout leaves nothing half-written, and the next restore completes it', async (context) => {
    const scene = largeScene();
    const disk = mountSmallDisk(context, scene.workspace, 1);
    const plans = [planFor('ada'), planFor('bob')];
    expect(await scene.restore(plans)).toMatchObject({ status: 'failed', fault: { code: 'disk_full' } });
    expect(leftBehind(scene)).toEqual([]);
    disk.resize(5);
    expect(await scene.restore(plans.slice(0, 1))).toMatchObject({ status: 'ready', fault: null });
    const half = await scene.restore(plans);
    expect(half).toMatchObject({ status: 'partial', fault: null });
    const full = half.agents.filter(({ fault }) => fault !== null);
    expect(full.map(({ fault }) => fault?.code)).toEqual(['disk_full']);
    expect(leftBehind(scene)).toEqual([]);
    disk.resize(20);
    expect(await scene.restore(plans)).toMatchObject({ status: 'ready', fault: null });
    expect(run(scene.repo, 'fsck', '--connectivity-only', '--no-dangling')).toBe('');
    for (const { agent } of plans) expect(run(scene.dir(agent), 'status', '--porcelain')).toBe('');
  });

  it('is told by figures alone, and everything that needs no room is restored all the same', async () => {
    const scene = largeScene();
    let freeBytes = 100 * MEGABYTE;
    const room = new Room(
      async () => await Promise.resolve({ freeBytes, totalBytes: 1_000 * MEGABYTE, freeInodes: null }),
    );
    expect(await scene.restore([planFor('ada')], {}, { room })).toMatchObject({ status: 'ready' });
    freeBytes = 51 * MEGABYTE;
    const both = await scene.restore([planFor('ada'), planFor('bob')], {}, { room });
    expect(both.agents.map(({ agent, fault }) => [agent, fault?.code])).toEqual([
      ['ada', undefined],
      ['bob', 'disk_full'],
    ]);
    scene.push('main', { 'later.txt': 'later\n' });
    freeBytes = 49 * MEGABYTE;
    const fetching = await scene.restore([planFor('ada')], {}, { room });
    expect(fetching).toMatchObject({
      status: 'partial',
      fault: {
        code: 'disk_full',
        reason: expect.stringMatching(/^no room for a fetch: 49\.0 MB of 1000\.0 MB/),
      },
      agents: [{ agent: 'ada', from: 'kept', fault: null }],
    });
  });

  it('is also where too few files can still be made, as many as a worktree has', async (context) => {
    const scene = new Scene();
    onTestFinished(() => scene.remove());
    mountSmallDisk(context, scene.workspace, 50, 2_450);
    const room = roomOf(scene);
    scene.push('main', Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`file${n}`, 'x'])));
    const report = await scene.restore(
      ['ada', 'bob', 'carl'].map((agent) => planFor(agent)),
      {},
      { room },
    );
    const faults = report.agents.flatMap(({ fault }) => (fault === null ? [] : [fault]));
    expect(report.status).toBe('partial');
    expect(faults[0]).toMatchObject({
      code: 'disk_full',
      reason: expect.stringMatching(
        /^no room for a worktree of 15\d files: \d+ files can be made.*, 2000 files stay free$/,
      ),
    });
    const { freeInodes } = await room.look();
    expect(freeInodes).toBeGreaterThan(2_000);
  });

  it('counts what several worktrees will need together, until they are written or given up', async () => {
    const disk = { freeBytes: 10 * MEGABYTE, totalBytes: 100 * MEGABYTE, freeInodes: null };
    const room = new Room(async () => await Promise.resolve(disk));
    const need = { bytes: 3 * MEGABYTE, inodes: 1 };
    const claim = async () => await room.claim('a worktree', async () => await Promise.resolve(need));
    const release = await claim();
    await expect(claim()).rejects.toMatchObject({
      code: 'disk_full',
      message: expect.stringContaining('3.0 MB are spoken for'),
    });
    release();
    release();
    await claim();
    await expect(claim()).rejects.toMatchObject({ code: 'disk_full' });
  });
});

describe('a finished agent', () => {
  const finished = { rig: RIG, agent: 'ada', bead: 'b1' };
  const home = (scene: Scene) => join(scene.workspace, 'home', RIG, 'ada');
  const prime = (scene: Scene) => join(scene.workspace, 'prime', RIG, 'ada.md');

  async function workedScene(): Promise<Scene> {
    const scene = new Scene();
    onTestFinished(() => scene.remove());
    await scene.restore([planFor('ada')]);
    write(scene.workspace, { [`home/${RIG}/ada/.config/tool`]: 'x', [`prime/${RIG}/ada.md`]: 'prime' });
    return scene;
  }

  it('has its worktree, HOME and prime taken off the disk', async () => {
    const scene = await workedScene();
    await cleanUpAfter(scene.git, finished, () => true);
    expect([scene.dir('ada'), home(scene), prime(scene)].filter(existsSync)).toEqual([]);
    expect(run(scene.repo, 'worktree', 'list').split('\n')).toHaveLength(1);
    expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ from: 'base', fault: null });
  });

  it.for([
    ['something is not committed', (dir: string) => write(dir, { 'new.txt': 'x' })],
    ['a commit is not pushed', (dir: string) => run(dir, 'commit', '--quiet', '--allow-empty', '-m', 'x')],
  ] as const)('keeps everything while %s', async ([, work]) => {
    const scene = await workedScene();
    work(scene.dir('ada'));
    await cleanUpAfter(scene.git, finished, () => true);
    expect([scene.dir('ada'), home(scene), prime(scene)].every(existsSync)).toBe(true);
  });

  it('keeps everything once it works on another bead, or is started again', async () => {
    const scene = await workedScene();
    await cleanUpAfter(scene.git, { ...finished, bead: 'b0' }, () => true);
    await cleanUpAfter(scene.git, finished, () => false);
    expect([scene.dir('ada'), home(scene), prime(scene)].every(existsSync)).toBe(true);
    rmSync(scene.dir('ada'), { recursive: true });
    await cleanUpAfter(scene.git, finished, () => true);
    expect(existsSync(home(scene))).toBe(false);
  });
});
