import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { isStale } from '../../../container/git/stale-files.ts';
import { restoredTest as it } from './scene-test.ts';
import { planFor, run, write } from './scene.ts';

const LOCKS = [
  'index.lock',
  'shallow.lock',
  'config.lock',
  'packed-refs.lock',
  'HEAD.lock',
  'refs/heads/gt/ada/b1.lock',
  'refs/remotes/origin/main.lock',
  'refs/remotes/origin/gt/ada/b1.lock',
  'worktrees/ada/index.lock',
  'worktrees/ada/HEAD.lock',
];

describe.concurrent('what a killed process leaves behind', () => {
  it('left-over locks of repository, refs and worktrees are removed', async ({ scene }) => {
    for (const lock of LOCKS) write(scene.repo, { [lock]: '' });
    write(scene.repo, { 'objects/pack/tmp_pack_Ab12': 'half' });
    scene.push('main', { 'later.txt': 'x\n' });
    const report = await scene.restore([planFor('ada'), planFor('bob')]);
    expect(report.status).toBe('ready');
    expect(LOCKS.filter((lock) => existsSync(join(scene.repo, lock)))).toEqual([]);
    expect(existsSync(join(scene.repo, 'objects/pack/tmp_pack_Ab12'))).toBe(false);
    run(scene.dir('ada'), 'commit', '--quiet', '--allow-empty', '-m', 'goes on');
    run(scene.dir('ada'), 'push');
  });

  it('half-written packs and objects are removed, but not those that this process may be writing', async ({
    scene,
  }) => {
    const left = ['pack/tmp_idx_Ab12', 'tmp_objdir-incoming-Ab12/x', 'ab/tmp_obj_Ab12', 'ab/tmp_own_12'];
    const before = new Date(performance.timeOrigin - 1_000);
    for (const name of left) {
      write(scene.repo, { [`objects/${name}`]: 'half' });
      utimesSync(join(scene.repo, 'objects', name), before, before);
    }
    write(scene.repo, { 'objects/ab/tmp_own_34': 'being written' });
    await scene.restore([planFor('ada')]);
    const there = [...left, 'ab/tmp_own_34'].filter((name) => existsSync(join(scene.repo, 'objects', name)));
    expect(there).toEqual(['ab/tmp_own_34']);
  });

  it('a left-over index.lock stays while a git process works in the rig', async ({ scene }) => {
    const lock = join(scene.repo, 'worktrees/ada/index.lock');
    writeFileSync(lock, '');
    const busy = spawn('git', ['cat-file', '--batch'], { cwd: scene.dir('ada') });
    const ended = new Promise((resolve) => void busy.on('close', resolve));
    const answered = new Promise((resolve) => void busy.stdout.once('data', resolve));
    busy.stdin.write('HEAD\n');
    await answered;
    expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ from: 'kept', fault: null });
    expect(existsSync(lock)).toBe(true);
    busy.stdin.end();
    await ended;
    await scene.restore([planFor('ada')]);
    expect(existsSync(lock)).toBe(false);
  });

  it('a lock whose holder is unknown is stale only when it is older than the process', () => {
    const file = { path: 'index.lock', key: '1:5', changedAt: 5 };
    expect(isStale(file, null, 4)).toBe(false);
    expect(isStale(file, null, 6)).toBe(true);
    expect(isStale(file, true, 6)).toBe(false);
    expect(isStale(file, false, 4)).toBe(true);
  });

  it('registered but missing worktrees are pruned, and their branches free again', async ({ scene }) => {
    run(
      scene.repo,
      'worktree',
      'add',
      '--quiet',
      '-b',
      'shared',
      scene.dir('gone'),
      'refs/remotes/origin/main',
    );
    rmSync(scene.dir('gone'), { recursive: true });
    const report = await scene.restoreOne(planFor('bob', { branch: 'shared' }));
    expect(report).toMatchObject({ fault: null });
  });

  it('SIGKILL in worktree add: an initializing lock without a folder is cleared away', async ({ scene }) => {
    run(
      scene.repo,
      'worktree',
      'add',
      '--quiet',
      '-b',
      'gt/bob/b1',
      scene.dir('bob'),
      'refs/remotes/origin/main',
    );
    writeFileSync(join(scene.repo, 'worktrees/bob/locked'), 'initializing');
    rmSync(scene.dir('bob'), { recursive: true });
    mkdirSync(join(scene.repo, 'worktrees/carl'));
    writeFileSync(join(scene.repo, 'worktrees/carl/locked'), 'initializing');
    const report = await scene.restore([planFor('bob'), planFor('carl')]);
    expect(report.status).toBe('ready');
    expect(run(scene.repo, 'worktree', 'list').split('\n')).toHaveLength(4);
  });

  it('SIGKILL in worktree add: a half-written folder is made anew', async ({ scene }) => {
    run(
      scene.repo,
      'worktree',
      'add',
      '--quiet',
      '-b',
      'gt/bob/b1',
      scene.dir('bob'),
      'refs/remotes/origin/main',
    );
    writeFileSync(join(scene.repo, 'worktrees/bob/locked'), 'initializing');
    rmSync(join(scene.dir('bob'), 'src'), { recursive: true });
    write(scene.repo, { 'relight-making/bob': '', 'worktrees/bob/index.lock': '' });
    expect(await scene.restoreOne(planFor('bob'))).toMatchObject({ from: 'base', fault: null, files: 2 });
    expect(run(scene.dir('bob'), 'status', '--porcelain')).toBe('');
  });

  it('a folder that was begun and never registered is made anew', async ({ scene }) => {
    write(scene.dir('bob'), { 'half.txt': 'x' });
    write(scene.repo, { 'relight-making/bob': '' });
    const report = await scene.restoreOne(planFor('bob'));
    expect(report).toMatchObject({ from: 'base', fault: null });
    expect(existsSync(join(scene.dir('bob'), 'half.txt'))).toBe(false);
  });

  it('a worktree that somebody else made in the place is moved aside, not thrown away', async ({ scene }) => {
    run(
      scene.repo,
      'worktree',
      'add',
      '--quiet',
      '-b',
      'theirs',
      scene.dir('bob'),
      'refs/remotes/origin/main',
    );
    write(scene.dir('bob'), { 'theirs.txt': 'x\n' });
    const report = await scene.restoreOne(planFor('bob'));
    expect(report.warnings.join()).toContain('bob.found-1');
    expect(run(scene.dir('bob.found-1'), 'status', '--porcelain')).toBe('?? theirs.txt');
  });

  it('a worktree that an agent made elsewhere in the rig is left alone', async ({ scene }) => {
    const own = join(scene.dir('ada'), 'experiments', 'one');
    run(scene.dir('ada'), 'worktree', 'add', '--quiet', '-b', 'experiment', own);
    await scene.restore([planFor('ada')]);
    expect(run(own, 'branch', '--show-current')).toBe('experiment');
  });

  it('a move aside that was cut off halfway is finished', async ({ scene }) => {
    write(scene.dir('ada'), { 'new.txt': 'x\n' });
    run(scene.dir('ada'), 'add', '.');
    writeFileSync(join(scene.repo, 'worktrees/ada/locked'), 'relight: moved');
    const aside = scene.dir('ada.left-1');
    renameSync(scene.dir('ada'), aside);
    await scene.restore([planFor('ada', { bead: 'b2', branch: 'gt/ada/b2' })]);
    expect(run(aside, 'status', '--porcelain')).toBe('A  new.txt');
  });

  it('corrupt clone: a repository without its ready mark is made anew', async ({ scene }) => {
    rmSync(join(scene.workspace, 'rigs'), { recursive: true });
    mkdirSync(scene.repo, { recursive: true });
    write(scene.repo, { HEAD: 'ref: refs/heads/ma', 'objects/pack/tmp_pack_x': 'half' });
    expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ fault: null, from: 'base' });
  });

  it('a repository that lost its ready mark but holds a finished worktree is kept', async ({ scene }) => {
    rmSync(join(scene.repo, 'relight-ready'));
    write(scene.dir('ada'), { 'new.txt': 'x\n' });
    expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ fault: null, from: 'kept' });
    expect(existsSync(join(scene.dir('ada'), 'new.txt'))).toBe(true);
  });
});
