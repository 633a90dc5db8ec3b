import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBundle, writeBundle } from '../../../container/snapshots/bundle.ts';
import { agentGit, BRANCH, RIG, SnapshotScene, write } from './snapshot-scene.ts';
import type { Life } from './snapshot-scene.ts';

let scene: SnapshotScene;
let life: Life;
let file: string;
beforeEach(async () => {
  scene = new SnapshotScene();
  life = await scene.begin();
  file = join(scene.root, 'some', 'where', 'snapshot.bundle');
});
afterEach(() => scene.remove());

test('a bundle lacks what the remote has, and says what it builds on and what it is', async () => {
  const tip = life.tipOf('refs/remotes/origin/main') ?? '';
  write(life.dir, { 'new.txt': 'new\n' });
  const captured = await life.captured();
  const thin = await writeBundle(life.git, RIG, captured, { onRemote: [tip], file });
  expect(thin).toEqual({
    bytes: statSync(file).size,
    sha256: createHash('sha256').update(readFileSync(file)).digest('hex'),
    prerequisites: [tip],
  });
  const full = await writeBundle(life.git, RIG, captured, { onRemote: [], file: `${file}.full` });
  expect(full.prerequisites).toEqual([]);
  expect(thin.bytes).toBeLessThan(full.bytes);
});

test('of thousands of files a bundle holds only the changed one', async () => {
  const files = Array.from({ length: 2_000 }, (_, n) => [`many/file${n}.txt`, `${n}\n`.repeat(20)]);
  write(life.dir, Object.fromEntries(files));
  agentGit(life.dir, 'add', '--all');
  agentGit(life.dir, 'commit', '--quiet', '--message', 'many');
  agentGit(life.dir, 'push', '--quiet', 'origin', `HEAD:refs/heads/${BRANCH}`);
  write(life.dir, { 'many/file7.txt': 'changed\n' });
  const captured = await life.captured();
  const { bytes } = await writeBundle(life.git, RIG, captured, { onRemote: scene.tips(), file });
  expect(bytes).toBeLessThan(4_000);
});

test('commits of the remote that are not here, or belong to another history, do no harm', async () => {
  const other = agentGit(
    life.repo,
    'commit-tree',
    '-m',
    'unrelated',
    '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  ).trim();
  const captured = await life.captured();
  const onRemote = ['1'.repeat(40), other];
  const { prerequisites } = await writeBundle(life.git, RIG, captured, { onRemote, file });
  expect(prerequisites).toEqual([]);
  const next = await scene.begin();
  const read = await readBundle(next.git, RIG, file);
  expect(read).toEqual({ commit: captured.commit, ref: captured.ref, meta: captured.meta });
  expect(next.tipOf(captured.ref)).toBe(captured.commit);
  expect(await readBundle(next.git, RIG, file)).toEqual(read);
});

test("a bundle over its limit is not kept, and one over the reader's is not read", async () => {
  const captured = await life.captured();
  const writing = writeBundle(life.git, RIG, captured, { onRemote: [], file, maxBytes: 100 });
  await expect(writing).rejects.toMatchObject({ kind: 'too-large', code: 'snapshot_too_large' });
  expect(existsSync(file)).toBe(false);
  const { bytes } = await writeBundle(life.git, RIG, captured, { onRemote: [], file });
  const reading = readBundle(life.git, RIG, file, { maxBytes: bytes - 1 });
  await expect(reading).rejects.toMatchObject({ kind: 'too-large' });
});

test('a bundle that builds on commits which are not here names them, and changes nothing', async () => {
  write(life.dir, { 'unpushed.txt': 'x\n' });
  agentGit(life.dir, 'add', '--all');
  agentGit(life.dir, 'commit', '--quiet', '--message', 'unpushed');
  const base = agentGit(life.dir, 'rev-parse', 'HEAD').trim();
  const captured = await life.captured();
  await writeBundle(life.git, RIG, captured, { onRemote: [base], file });
  const next = await scene.begin();
  const reading = readBundle(next.git, RIG, file);
  await expect(reading).rejects.toMatchObject({ kind: 'incomplete', missing: [base] });
  expect(agentGit(next.repo, 'for-each-ref', 'refs/relight')).toBe('');
});

test.each<[string, (bytes: Buffer) => Buffer]>([
  ['cut off', (bytes) => bytes.subarray(0, -30)],
  ['cut off in its header', (bytes) => bytes.subarray(0, 40)],
  ['empty', () => Buffer.alloc(0)],
  ['something else', () => Buffer.from('<html>not found</html>\n\n')],
  [
    'changed by one bit',
    (bytes) =>
      Buffer.concat([bytes.subarray(0, -40), Buffer.from([(bytes.at(-40) ?? 0) ^ 1]), bytes.subarray(-39)]),
  ],
  [
    'of another ref',
    (bytes) =>
      Buffer.from(
        bytes.toString('latin1').replace('refs/relight/snapshots/ada/1', 'refs/heads/gt/ada/branch/one'),
        'latin1',
      ),
  ],
  [
    'renamed to another agent',
    (bytes) => Buffer.from(bytes.toString('latin1').replace('snapshots/ada/1', 'snapshots/eve/1'), 'latin1'),
  ],
])('a bundle that is %s is refused', async (_, damage) => {
  const captured = await life.captured();
  await writeBundle(life.git, RIG, captured, { onRemote: [], file });
  writeFileSync(file, damage(readFileSync(file)));
  const next = await scene.begin();
  await expect(readBundle(next.git, RIG, file)).rejects.toMatchObject({
    kind: 'corrupt',
    name: 'SnapshotError',
  });
  expect(agentGit(next.repo, 'for-each-ref', 'refs/heads')).not.toContain('one');
});

test('a worktree that is being made in the same repository is waited for', async () => {
  write(life.dir, { 'new.txt': 'new\n' });
  const captured = await life.captured();
  const next = await scene.begin();
  // What `git worktree add` writes first, for a moment.
  const neighbour = join(next.repo, 'worktrees', 'neighbour');
  mkdirSync(neighbour);
  writeFileSync(join(neighbour, 'commondir'), '../..\n');
  writeFileSync(join(neighbour, 'gitdir'), `${next.dir}/../neighbour/.git\n`);
  writeFileSync(join(neighbour, 'HEAD'), `${'0'.repeat(40)}\n`);
  const finished = setTimeout(
    () => writeFileSync(join(neighbour, 'HEAD'), `ref: refs/heads/${BRANCH}\n`),
    200,
  );
  await writeBundle(life.git, RIG, captured, { onRemote: scene.tips(), file });
  expect((await readBundle(next.git, RIG, file)).commit).toBe(captured.commit);
  clearTimeout(finished);
});

test('a bundle that is not there is an error', async () => {
  await expect(readBundle(life.git, RIG, file)).rejects.toMatchObject({ kind: 'corrupt' });
});
