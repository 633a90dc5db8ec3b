import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { privateDir } from '../../../container/git/layout.ts';
import type { Fingerprint } from '../../../container/snapshots/capture.ts';
import { dropSnapshots } from '../../../container/snapshots/drop.ts';
import { observe } from './observe.ts';
import { AGENT, agentGit, RIG, SnapshotScene, write } from './snapshot-scene.ts';
import type { Life } from './snapshot-scene.ts';

let scene: SnapshotScene;
let life: Life;
beforeEach(async () => {
  scene = new SnapshotScene();
  life = await scene.begin();
});
afterEach(() => scene.remove());

/** Looks again until what was written is old enough to be trusted: afterwards a look starts no git at all. */
async function settled(fingerprint: Fingerprint): Promise<Fingerprint> {
  await pause(25);
  expect(await life.capture({ previous: fingerprint, seq: 9 })).toBeNull();
  return fingerprint;
}

test('an unchanged worktree is not captured again, and nothing is stored for it', async () => {
  write(life.dir, { 'new.txt': 'new\n' });
  const { fingerprint } = await life.captured();
  await settled(fingerprint);
  const objects = agentGit(life.repo, 'count-objects', '-v');
  expect(await life.capture({ previous: fingerprint, seq: 2 })).toBeNull();
  expect(agentGit(life.repo, 'count-objects', '-v')).toBe(objects);
  expect(agentGit(life.repo, 'for-each-ref', 'refs/relight')).not.toContain('/2');
});

test.each<[string, (dir: string) => void]>([
  ['an edit', (dir) => write(dir, { 'README.md': 'HELLO\n$Id$\n' })],
  [
    'an edit that keeps size and time',
    (dir) => {
      const { atime, mtime } = statSync(join(dir, 'README.md'));
      write(dir, { 'README.md': 'HELLO\n$Id$\n' });
      utimesSync(join(dir, 'README.md'), atime, mtime);
    },
  ],
  ['a new file', (dir) => write(dir, { 'deep/er/new.txt': 'new\n' })],
  ['a deletion', (dir) => rmSync(join(dir, 'README.md'))],
  ['an executable bit', (dir) => chmodSync(join(dir, 'README.md'), 0o755)],
  ['permission bits', (dir) => chmodSync(join(dir, 'README.md'), 0o600)],
  ["a folder's permission bits", (dir) => chmodSync(join(dir, 'src'), 0o700)],
  ['an empty folder', (dir) => mkdirSync(join(dir, 'src', 'empty'))],
  [
    'a link in the place of a file',
    (dir) => {
      rmSync(join(dir, 'README.md'));
      symlinkSync('src', join(dir, 'README.md'));
    },
  ],
  [
    'a folder in the place of a file',
    (dir) => {
      rmSync(join(dir, 'README.md'));
      write(dir, { 'README.md/inside.txt': 'x\n' });
    },
  ],
  [
    'a file that was ignored and is tracked now',
    (dir) => {
      write(dir, { 'a.log': 'x\n' });
      agentGit(dir, 'add', '--force', 'a.log');
    },
  ],
  [
    'an edit of a file that git was told not to look at',
    (dir) => {
      agentGit(dir, 'update-index', '--skip-worktree', 'README.md');
      write(dir, { 'README.md': 'hidden\n' });
    },
  ],
  ['staging alone', (dir) => agentGit(dir, 'rm', '--cached', '--quiet', 'README.md')],
  ['a commit', (dir) => agentGit(dir, 'commit', '--quiet', '--allow-empty', '--message', 'empty')],
  ['another branch', (dir) => agentGit(dir, 'checkout', '--quiet', '-b', 'other')],
  ['a detached HEAD', (dir) => agentGit(dir, 'checkout', '--quiet', '--detach')],
])('%s is captured, and brought back', async (_, change) => {
  write(life.dir, { '.gitignore': '*.log\n' });
  const { fingerprint } = await life.captured();
  await settled(fingerprint);
  change(life.dir);
  const captured = await life.captured({ previous: fingerprint, seq: 2 });
  const before = await observe(life.dir);
  const { life: next } = await scene.carry(life, captured);
  expect(await observe(next.dir)).toEqual(before);
});

test('a change back to what was captured is nothing new', async () => {
  const { fingerprint } = await life.captured();
  const text = readFileSync(join(life.dir, 'README.md'));
  write(life.dir, { 'README.md': 'other\n' });
  write(life.dir, { 'README.md': text });
  expect(await life.capture({ previous: fingerprint, seq: 2 })).toBeNull();
});

test('a fingerprint whose snapshot was dropped counts as none', async () => {
  const { fingerprint } = await life.captured();
  await dropSnapshots(life.git, RIG, AGENT, { keep: [] });
  expect((await life.captured({ previous: fingerprint, seq: 2 })).meta.seq).toBe(2);
});

test('the same files for another bead are a snapshot of their own', async () => {
  const { fingerprint } = await life.captured();
  const other = await life.captured({ previous: fingerprint, seq: 2, bead: 'b2' });
  expect(other.meta.bead).toBe('b2');
});

test('a capture touches neither branch, HEAD, index nor any file, and leaves nothing behind', async () => {
  const { dir, repo } = life;
  write(dir, { 'staged.txt': 'x\n', 'README.md': 'x\n', 'new.txt': 'x\n' });
  agentGit(dir, 'add', 'staged.txt');
  const admin = agentGit(dir, 'rev-parse', '--absolute-git-dir').trim();
  const look = (): unknown => [
    ['index', 'HEAD', 'logs/HEAD'].map((name) => [
      readFileSync(join(admin, name)),
      stampOf(join(admin, name)),
    ]),
    ['staged.txt', 'README.md', 'new.txt', 'src', ''].map((name) => stampOf(join(dir, name))),
    readdirSync(admin).sort(),
    agentGit(repo, 'for-each-ref', 'refs/heads', 'refs/remotes'),
  ];
  const before = look();
  await life.captured();
  expect(look()).toEqual(before);
  expect(readdirSync(privateDir(repo))).toEqual([]);
});

function stampOf(path: string): unknown {
  const { ino, size, mode, mtimeMs, ctimeMs } = lstatSync(path);
  return { ino, size, mode, mtimeMs, ctimeMs };
}

test("hooks never run, no identity is needed, and the one of the snapshot is not the user's", async () => {
  const { repo, dir } = life;
  for (const hook of [
    'post-index-change',
    'pre-commit',
    'reference-transaction',
    'post-checkout',
    'fsmonitor',
  ]) {
    write(repo, { [`hooks/${hook}`]: `#!/bin/sh\ntouch '${scene.root}/ran'\n` });
    chmodSync(join(repo, 'hooks', hook), 0o755);
  }
  agentGit(repo, 'config', 'core.fsmonitor', join(repo, 'hooks', 'fsmonitor'));
  agentGit(repo, 'config', 'user.useConfigOnly', 'true');
  write(dir, { 'new.txt': 'x\n' });
  const began = Date.now();
  const { commit, meta } = await life.captured();
  expect(meta.at).toBeGreaterThanOrEqual(began);
  const seconds = Math.floor(meta.at / 1000);
  expect(agentGit(repo, 'log', '-1', '--format=%an <%ae> %at %cn %ct', commit).trim()).toBe(
    `Relight <relight@localhost> ${seconds} Relight ${seconds}`,
  );
  expect(readdirSync(scene.root)).not.toContain('ran');
});

test('the snapshot of a worktree without changes says so', async () => {
  expect((await life.captured()).pristine).toBe(true);
  write(life.dir, { 'new.txt': 'x\n' });
  expect((await life.captured({ seq: 2 })).pristine).toBe(false);
});

test('a branch without commits is captured and brought back', async () => {
  const { dir } = life;
  agentGit(dir, 'symbolic-ref', 'HEAD', 'refs/heads/unborn');
  agentGit(dir, 'rm', '--quiet', '--cached', '-r', '.');
  agentGit(dir, 'add', 'README.md');
  const before = await observe(dir);
  const { life: next, captured, report } = await scene.carryOver(life);
  expect(captured.meta.head).toEqual({ ref: 'refs/heads/unborn', commit: null });
  expect(report.head).toBeNull();
  expect(await observe(next.dir)).toEqual(before);
});

test.each([
  ['version 4', ['update-index', '--index-version', '4']],
  ['split over two files', ['update-index', '--split-index']],
  ['with an untracked cache', ['update-index', '--force-untracked-cache']],
])('an index %s is understood', async (_, command) => {
  write(life.dir, { 'a/staged.txt': 'x\n', 'intended.txt': 'x\n' });
  agentGit(life.dir, 'add', 'a/staged.txt');
  agentGit(life.dir, ...command);
  agentGit(life.dir, 'add', '--intent-to-add', 'intended.txt');
  const before = await observe(life.dir);
  const { life: next } = await scene.carryOver(life);
  expect(await observe(next.dir)).toEqual(before);
});

test('a sparse worktree stays sparse', async () => {
  const { dir } = life;
  write(dir, { 'in/a.txt': 'x\n', 'out/b.txt': 'x\n', 'out/deep/c.txt': 'x\n' });
  agentGit(dir, 'add', '--all');
  agentGit(dir, 'commit', '--quiet', '--message', 'folders');
  agentGit(dir, 'sparse-checkout', 'set', '--cone', '--sparse-index', 'in');
  write(dir, { 'in/a.txt': 'changed\n' });
  const captured = await life.captured();
  agentGit(dir, 'config', '--worktree', '--unset', 'index.sparse');
  const before = await observe(dir);
  const { life: next } = await scene.carry(life, captured);
  expect(await observe(next.dir)).toEqual(before);
  expect(readdirSync(next.dir).sort()).toEqual(['.git', 'README.md', 'in']);
});

test("a lock that an agent's git holds is waited for, and left alone when it is not given back", async () => {
  const lock = join(agentGit(life.dir, 'rev-parse', '--absolute-git-dir').trim(), 'index.lock');
  writeFileSync(lock, 'held');
  write(life.dir, { 'new.txt': 'x\n' });
  const capturing = life.captured();
  await pause(100);
  write(life.dir, { 'staged meanwhile.txt': 'x\n' });
  rmSync(lock);
  agentGit(life.dir, 'add', '--all');
  const { meta } = await capturing;
  expect(agentGit(life.repo, 'ls-tree', '--name-only', meta.index)).toContain('staged meanwhile.txt');
  writeFileSync(lock, 'held by nobody');
  expect(await life.capture({ seq: 2 })).not.toBeNull();
  expect(readFileSync(lock, 'utf8')).toBe('held by nobody');
});
