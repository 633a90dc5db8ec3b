import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { restoredTest, sceneTest as it } from './scene-test.ts';
import { planFor, run, write } from './scene.ts';

/** Every byte, mode and link of a worktree and of its private part of the repository but for directory times. */
function picture(...dirs: string[]): Record<string, string> {
  const seen: Record<string, string> = {};
  for (const dir of dirs) {
    for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()) {
      const path = join(dir, name);
      const stat = lstatSync(path);
      if (stat.isSymbolicLink()) seen[path] = readlinkSync(path);
      else if (stat.isFile()) seen[path] = `${stat.mode} ${stat.mtimeMs} ${readFileSync(path, 'base64')}`;
    }
  }
  return seen;
}

describe.concurrent('invariant 4: a recovery never destroys uncommitted work', () => {
  it('leaves staged, unstaged, untracked, deleted and ignored files alone, byte by byte, and the index', async ({
    scene,
  }) => {
    await scene.restore([planFor('ada')]);
    const dir = scene.dir('ada');
    write(dir, { '.gitignore': 'ignored/\n', 'staged.txt': 'staged\n', 'README.md': 'staged\n' });
    run(dir, 'add', '.');
    write(dir, { 'README.md': 'unstaged\n', 'untracked.bin': '\u0000\u0001', 'ignored/x': 'x\n' });
    rmSync(join(dir, 'src/index.js'));
    chmodSync(join(dir, 'staged.txt'), 0o755);
    symlinkSync('nowhere', join(dir, 'link'));
    run(dir, 'status');
    const places = [dir, join(scene.repo, 'worktrees', 'ada')];
    const before = picture(...places);
    scene.push('main', { 'later.txt': 'x\n' });
    const report = await scene.restoreOne(planFor('ada'));
    expect(report).toMatchObject({ from: 'kept', snapshot: 'kept', fault: null, warnings: [] });
    expect(picture(...places)).toEqual(before);
  });

  it('leaves unpushed commits, a half-finished rebase and a merge as they were, and names them', async ({
    scene,
  }) => {
    await scene.restore([planFor('ada')]);
    const dir = scene.dir('ada');
    write(dir, { 'README.md': 'mine\n' });
    run(dir, 'commit', '--quiet', '--all', '-m', 'mine');
    scene.push('main', { 'README.md': 'theirs\n' });
    run(dir, 'fetch');
    expect(() => run(dir, 'rebase', 'origin/main')).toThrow(/conflict/i);
    const before = picture(dir, join(scene.repo, 'worktrees', 'ada'));
    const report = await scene.restoreOne(planFor('ada'));
    expect(report).toMatchObject({ from: 'kept', fault: null });
    expect(report.warnings).toEqual(['a rebase is unfinished in it and was left as it was']);
    expect(picture(dir, join(scene.repo, 'worktrees', 'ada'))).toEqual(before);
    run(dir, 'rebase', '--abort');
    expect(() => run(dir, 'merge', 'origin/main')).toThrow('git merge');
    expect((await scene.restoreOne(planFor('ada'))).warnings).toEqual([
      'a merge is unfinished in it and was left as it was',
    ]);
  });

  it('keeps a worktree in which the agent switched to another branch, with a warning', async ({ scene }) => {
    await scene.restore([planFor('ada')]);
    run(scene.dir('ada'), 'checkout', '--quiet', '-b', 'try');
    const report = await scene.restoreOne(planFor('ada'));
    expect(report).toMatchObject({ from: 'kept', warnings: ['it has try checked out, not gt/ada/b1'] });
    expect(run(scene.dir('ada'), 'branch', '--show-current')).toBe('try');
  });

  it('keeps worktrees while the remote cannot be asked, and faults what is missing', async ({ scene }) => {
    await scene.restore([planFor('ada')]);
    write(scene.dir('ada'), { 'new.txt': 'x\n' });
    const report = await scene.restore([planFor('ada'), planFor('bob')], {
      gitUrl: 'http://127.0.0.1:1/core.git',
    });
    expect(report).toMatchObject({ status: 'partial', fault: { code: 'git_unreachable' } });
    expect(report.agents[0]).toMatchObject({ from: 'kept', fault: null });
    expect(report.agents[1]).toMatchObject({ fault: { code: 'git_unreachable' } });
    expect(existsSync(join(scene.dir('ada'), 'new.txt'))).toBe(true);
  });

  it("heals a worktree whose .git file was deleted, with the agent's work in it", async ({ scene }) => {
    await scene.restore([planFor('ada')]);
    write(scene.dir('ada'), { 'new.txt': 'x\n' });
    run(scene.dir('ada'), 'add', '.');
    rmSync(join(scene.dir('ada'), '.git'));
    expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ from: 'kept', fault: null });
    expect(run(scene.dir('ada'), 'status', '--porcelain')).toBe('A  new.txt');
  });

  it('keeps a worktree whose ready mark is damaged', async ({ scene }) => {
    await scene.restore([planFor('ada')]);
    writeFileSync(join(scene.repo, 'worktrees', 'ada', 'relight-ready'), '{');
    expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ from: 'kept', fault: null });
  });
});

const HELD_WORK: readonly (readonly [string, (dir: string) => void])[] = [
  ['untracked files', (dir) => write(dir, { 'new.txt': 'x\n' })],
  ['unpushed commits', (dir) => void run(dir, 'commit', '--quiet', '--allow-empty', '-m', 'mine')],
  [
    'changes hidden from git status',
    (dir) => {
      run(dir, 'update-index', '--skip-worktree', 'README.md');
      write(dir, { 'README.md': 'hidden\n' });
    },
  ],
];

describe.concurrent('an agent hooked to another bead', () => {
  const next = planFor('ada', { bead: 'b2', branch: 'gt/ada/b2' });

  restoredTest('gets a new worktree in place of one that is wholly on the remote', async ({ scene }) => {
    run(scene.dir('ada'), 'push');
    const report = await scene.restoreOne(next);
    expect(report).toMatchObject({ from: 'base', snapshot: 'none', fault: null });
    expect(readdirSync(join(scene.dir('ada'), '..'))).toEqual(['ada']);
    expect(run(scene.dir('ada'), 'branch', '--show-current')).toBe('gt/ada/b2');
  });

  restoredTest.for(HELD_WORK)(
    'has %s of the earlier bead moved aside, and back when it returns to it',
    async ([, work], { scene }) => {
      work(scene.dir('ada'));
      const before = picture(scene.dir('ada'));
      const head = run(scene.dir('ada'), 'rev-parse', 'HEAD');
      const report = await scene.restoreOne(next);
      expect(report).toMatchObject({ from: 'base', fault: null });
      expect(report.warnings[0]).toContain(
        'gt/ada/b1 holds work that is not on the remote; it is now ada.left-1',
      );
      expect(Object.values(picture(scene.dir('ada.left-1')))).toEqual(Object.values(before));
      expect(run(scene.dir('ada.left-1'), 'rev-parse', 'gt/ada/b1')).toBe(head);
      run(scene.repo, 'worktree', 'prune');
      run(scene.dir('ada'), 'push');
      expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ from: 'kept', head, fault: null });
      expect(picture(scene.dir('ada'))).toEqual(before);
      expect(readdirSync(join(scene.dir('ada'), '..'))).toEqual(['ada']);
    },
  );

  restoredTest('keeps what it has in place when the new bead cannot be started', async ({ scene }) => {
    write(scene.dir('ada'), { 'new.txt': 'x\n' });
    const report = await scene.restore([{ ...next, baseBranch: 'nowhere' }]);
    expect(report.agents[0]?.fault?.code).toBe('missing_base');
    expect(existsSync(join(scene.dir('ada'), 'new.txt'))).toBe(true);
  });
});

describe.concurrent('invariant 3: a restore may run twice', () => {
  it('changes nothing the second time, and fetches nothing', async ({ scene }) => {
    scene.push('gt/bob/b1', { 'b.txt': 'b\n' });
    const plans = [planFor('ada'), planFor('bob')];
    const first = await scene.restore(plans);
    const packs = readdirSync(join(scene.repo, 'objects'), { recursive: true });
    const second = await scene.restore(plans);
    expect(second.status).toBe('ready');
    expect(second.agents.map(({ from, head }) => [from, head])).toEqual(
      first.agents.map(({ head }) => ['kept', head]),
    );
    expect(readdirSync(join(scene.repo, 'objects'), { recursive: true })).toEqual(packs);
    expect(run(scene.repo, 'for-each-ref', 'refs/relight')).toBe('');
  });

  it('runs restores of the same rig one after the other', async ({ scene }) => {
    const plans = [planFor('ada'), planFor('bob')];
    const reports = await Promise.all([scene.restore(plans), scene.restore(plans), scene.restore(plans)]);
    expect(reports.map(({ status }) => status)).toEqual(['ready', 'ready', 'ready']);
    expect(reports.map(({ agents }) => agents[0]?.from)).toEqual(['base', 'kept', 'kept']);
  });

  it('restores an agent that a request names twice once', async ({ scene }) => {
    const report = await scene.restore([planFor('ada'), planFor('ada')]);
    expect(report.agents).toHaveLength(1);
  });
});
