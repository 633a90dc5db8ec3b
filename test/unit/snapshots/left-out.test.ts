import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Fingerprint } from '../../../container/snapshots/capture.ts';
import { observe } from './observe.ts';
import { agentGit, SnapshotScene, write } from './snapshot-scene.ts';
import type { Life } from './snapshot-scene.ts';

let scene: SnapshotScene;
let life: Life;
beforeEach(async () => {
  scene = new SnapshotScene();
  life = await scene.begin();
});
afterEach(() => scene.remove());

const filesOf = (commit: string): string[] =>
  agentGit(life.repo, 'ls-tree', '-r', '--name-only', commit).trim().split('\n');

test('files over the limit are left out and named, and never read', async () => {
  write(life.dir, { 'small.txt': 'small\n', 'huge.bin': '' });
  // Sparse: reading it would take longer than the test may.
  truncateSync(join(life.dir, 'huge.bin'), 2 ** 40);
  const { commit, meta } = await life.captured();
  expect(filesOf(commit)).toEqual(['README.md', 'small.txt', 'src/index.js']);
  expect(meta.leftOut).toEqual([
    { path: 'huge.bin', reason: 'is larger than 52428800 bytes', bytes: 2 ** 40 },
  ]);
});

test('a tracked file that grew over the limit comes back as it was staged, and is named', async () => {
  write(life.dir, { 'README.md': 'far too large\n' });
  const captured = await life.captured({ limits: { maxFileBytes: 13 } });
  const { life: next, report } = await scene.carry(life, captured);
  expect(readFileSync(join(next.dir, 'README.md'), 'utf8')).toBe('hello\n$Id$\n');
  expect(report.warnings).toEqual([`not in the snapshot: "README.md" is larger than 13 bytes`]);
});

test('a file is in the snapshot again once it is small enough', async () => {
  write(life.dir, { 'a.txt': 'too large\n' });
  const limits = { maxFileBytes: 5 };
  const first = await life.captured({ limits });
  expect(filesOf(first.commit)).not.toContain('a.txt');
  write(life.dir, { 'a.txt': 'ok\n' });
  const second = await life.captured({ limits, previous: first.fingerprint, seq: 2 });
  expect(filesOf(second.commit)).toContain('a.txt');
  expect(second.meta.leftOut.map(({ path }) => path)).toEqual(['README.md', 'src/index.js']);
});

test('the largest files are left out when all together are over the limit of a snapshot', async () => {
  write(life.dir, { 'a.txt': 'a'.repeat(400), 'b.txt': 'b'.repeat(300), 'c.txt': 'c'.repeat(200) });
  const { commit, meta } = await life.captured({ limits: { maxTotalBytes: 500 } });
  expect(filesOf(commit)).toEqual(['README.md', 'b.txt', 'c.txt', 'src/index.js']);
  expect(meta.leftOut).toEqual([
    { path: 'a.txt', reason: 'the snapshot would be larger than 500 bytes', bytes: 400 },
  ]);
});

test('nested repositories, with and without commits, are left out and named', async () => {
  const { dir } = life;
  for (const name of ['empty', 'full', 'deep/inside']) {
    agentGit(dir, 'init', '--quiet', '--template=', name);
    write(dir, { [`${name}/file.txt`]: 'inside\n' });
  }
  agentGit(join(dir, 'full'), 'add', '--all');
  agentGit(join(dir, 'full'), 'commit', '--quiet', '--message', 'inside');
  write(dir, { 'own.txt': 'own\n' });
  const { commit, meta } = await life.captured();
  expect(filesOf(commit)).toEqual(['README.md', 'own.txt', 'src/index.js']);
  const reason = 'is a git repository of its own';
  expect(meta.leftOut).toEqual(
    ['deep/inside', 'empty', 'full'].map((path) => ({ path, reason, bytes: null })),
  );
});

test('a nested repository that becomes a plain folder is captured', async () => {
  agentGit(life.dir, 'init', '--quiet', '--template=', 'nested');
  write(life.dir, { 'nested/file.txt': 'inside\n' });
  const first = await life.captured();
  rmSync(join(life.dir, 'nested', '.git'), { recursive: true });
  const second = await life.captured({ previous: first.fingerprint, seq: 2 });
  expect(filesOf(second.commit)).toContain('nested/file.txt');
  expect(second.meta.leftOut).toEqual([]);
});

test('a nested repository is named once, as what it is to the index by now', async () => {
  const { dir } = life;
  agentGit(dir, 'init', '--quiet', '--template=', 'nested');
  agentGit(join(dir, 'nested'), 'commit', '--quiet', '--allow-empty', '--message', 'inside');
  const named = async (previous: Fingerprint | null): Promise<[Fingerprint, string[]]> => {
    const { fingerprint, meta } = await life.captured({ previous });
    return [fingerprint, meta.leftOut.map(({ path, reason }) => `${path} ${reason}`)];
  };
  const [first, untracked] = await named(null);
  agentGit(dir, 'add', '--all');
  const [second, staged] = await named(first);
  agentGit(dir, 'reset', '--quiet');
  const [, unstaged] = await named(second);
  expect(untracked).toEqual(['nested is a git repository of its own']);
  expect(staged).toEqual(['nested is a submodule, of which only the commit is kept']);
  expect(unstaged).toEqual(untracked);
});

test('of a submodule the commit is kept, and its content named as left out', async () => {
  const { dir } = life;
  agentGit(dir, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', scene.remote, 'sub');
  write(dir, { 'sub/new.txt': 'inside\n', 'own.txt': 'own\n' });
  const captured = await life.captured();
  expect(agentGit(life.repo, 'ls-tree', captured.commit, 'sub')).toMatch(/^160000 commit /);
  expect(captured.meta.leftOut.map(({ path }) => path)).toEqual(['sub']);
  const { life: next } = await scene.carry(life, captured);
  rmSync(join(dir, 'sub'), { recursive: true });
  mkdirSync(join(dir, 'sub'));
  expect(await observe(next.dir)).toEqual(await observe(dir));
});

test('FIFOs and sockets are left out and named', async () => {
  const { dir } = life;
  mkdirSync(join(dir, 'ipc'));
  execFileSync('mkfifo', [join(dir, 'ipc', 'fifo')]);
  const server = createServer().listen(join(dir, 'ipc', 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  write(dir, { 'own.txt': 'own\n' });
  const { commit, meta } = await life.captured();
  server.close();
  expect(filesOf(commit)).toContain('own.txt');
  expect(meta.leftOut).toEqual([
    { path: 'ipc/fifo', reason: 'is a FIFO', bytes: null },
    { path: 'ipc/socket', reason: 'is a socket', bytes: null },
  ]);
});

test('a FIFO in the place of a tracked file does not stop a capture', async () => {
  rmSync(join(life.dir, 'README.md'));
  execFileSync('mkfifo', [join(life.dir, 'README.md')]);
  const { meta } = await life.captured();
  expect(meta.leftOut).toEqual([{ path: 'README.md', reason: 'is a FIFO', bytes: null }]);
});

test.skipIf(process.getuid?.() === 0)('files that may not be read are left out and named', async () => {
  write(life.dir, { 'closed.txt': 'x\n', 'shut/file.txt': 'x\n', 'own.txt': 'own\n' });
  chmodSync(join(life.dir, 'closed.txt'), 0);
  chmodSync(join(life.dir, 'shut'), 0);
  const { commit, meta } = await life.captured();
  chmodSync(join(life.dir, 'shut'), 0o755);
  expect(filesOf(commit)).toContain('own.txt');
  expect(meta.leftOut).toContainEqual({ path: 'closed.txt', reason: 'may not be read', bytes: null });
});

test('ignored files stay out, also in folders, and tracked ones of the same name stay in', async () => {
  const { dir } = life;
  write(dir, {
    '.gitignore': 'node_modules/\n*.log\n',
    'node_modules/a/b.js': 'x\n',
    'a.log': 'x\n',
    'kept.log': 'x\n',
  });
  agentGit(dir, 'add', '--force', 'kept.log');
  write(life.repo, { 'info/exclude': 'private\n' });
  write(dir, { private: 'x\n' });
  const { commit, meta } = await life.captured();
  expect(filesOf(commit)).toEqual(['.gitignore', 'README.md', 'kept.log', 'src/index.js']);
  expect(meta.leftOut).toEqual([]);
});

test('files that a new rule ignores leave the next snapshot, and those of a dropped rule enter it', async () => {
  write(life.dir, { 'a.log': 'x\n', 'b.tmp': 'x\n', '.gitignore': '*.tmp\n' });
  const first = await life.captured();
  expect(filesOf(first.commit)).toContain('a.log');
  write(life.dir, { '.gitignore': '*.log\n' });
  const second = await life.captured({ previous: first.fingerprint, seq: 2 });
  expect(filesOf(second.commit)).toEqual(['.gitignore', 'README.md', 'b.tmp', 'src/index.js']);
  write(life.repo, { 'info/exclude': 'b.tmp\n' });
  const third = await life.captured({ previous: second.fingerprint, seq: 3 });
  expect(filesOf(third.commit)).not.toContain('b.tmp');
});

test('what lies behind a symbolic link is not captured', async () => {
  const outside = join(scene.root, 'outside');
  mkdirSync(outside);
  write(outside, { 'index.js': 'outside\n' });
  rmSync(join(life.dir, 'src'), { recursive: true });
  execFileSync('ln', ['-s', outside, join(life.dir, 'src')]);
  const captured = await life.captured();
  expect(agentGit(life.repo, 'ls-tree', captured.commit, 'src')).toMatch(/^120000 blob /);
  const { life: next } = await scene.carry(life, captured);
  expect(readFileSync(join(outside, 'index.js'), 'utf8')).toBe('outside\n');
  expect(existsSync(join(next.dir, 'src', 'index.js'))).toBe(true);
});
