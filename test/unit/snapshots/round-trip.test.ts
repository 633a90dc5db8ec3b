import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { observe } from './observe.ts';
import { agentGit, BRANCH, SnapshotScene, write } from './snapshot-scene.ts';

let scene: SnapshotScene;
beforeEach(() => {
  scene = new SnapshotScene();
});
afterEach(() => scene.remove());

test('brings back unpushed commits, staged, partly staged, unstaged and untracked work, and what was deleted', async () => {
  const life = await scene.begin();
  const { dir } = life;
  write(dir, {
    'committed.txt': 'not pushed\n',
    'partly.txt': 'one\n',
    'gone.txt': 'x\n',
    'moved.txt': 'long enough\n',
  });
  agentGit(dir, 'add', '--all');
  agentGit(dir, 'commit', '--quiet', '--message', 'not pushed');
  write(dir, { 'partly.txt': 'one\ntwo\n', 'staged.txt': 'staged\n' });
  agentGit(dir, 'add', 'partly.txt', 'staged.txt');
  agentGit(dir, 'mv', 'moved.txt', 'moved away.txt');
  write(dir, { 'partly.txt': 'one\ntwo\nthree\n', 'README.md': 'changed\n', 'new/untracked.txt': 'new\n' });
  rmSync(join(dir, 'gone.txt'));
  renameSync(join(dir, 'src'), join(dir, 'source'));
  const before = await observe(dir);
  const { life: next, report, captured } = await scene.carryOver(life);
  expect(await observe(next.dir)).toEqual(before);
  expect(report).toEqual({ outcome: 'restored', head: captured.meta.head.commit, files: 7, warnings: [] });
  expect(agentGit(next.dir, 'symbolic-ref', 'HEAD').trim()).toBe(`refs/heads/${BRANCH}`);
});

test('brings back permission bits, symbolic links and empty folders', async () => {
  const life = await scene.begin();
  const { dir } = life;
  write(dir, { 'run.sh': '#!/bin/sh\n', 'secret.txt': 'x\n', 'closed/file.txt': 'x\n' });
  chmodSync(join(dir, 'run.sh'), 0o755);
  chmodSync(join(dir, 'secret.txt'), 0o600);
  chmodSync(join(dir, 'README.md'), 0o444);
  chmodSync(join(dir, 'closed'), 0o700);
  mkdirSync(join(dir, 'empty', 'inner'), { recursive: true });
  symlinkSync('README.md', join(dir, 'link'));
  symlinkSync('/nowhere/at all', join(dir, 'dangling'));
  const before = await observe(dir);
  const { life: next } = await scene.carryOver(life);
  expect(await observe(next.dir)).toEqual(before);
});
