import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { privateDir, repoDir, worktreeDir } from '../../../container/git/layout.ts';
import { createGit } from '../../../container/git/run-git.ts';
import { readBundle, writeBundle } from '../../../container/snapshots/bundle.ts';
import { KnownSecrets } from '../../../container/known-secrets.ts';
import { capture } from '../../../container/snapshots/capture.ts';
import { putBack } from '../../../container/snapshots/put-back.ts';
import type { Fingerprint } from '../../../container/snapshots/capture.ts';
import { dropSnapshots } from '../../../container/snapshots/drop.ts';
import { observe } from './observe.ts';
import { AGENT, agentGit, BRANCH, RIG, SnapshotScene, write } from './snapshot-scene.ts';
import type { Life } from './snapshot-scene.ts';

let scene: SnapshotScene;
let life: Life;
beforeEach(async () => {
  scene = new SnapshotScene();
  life = await scene.begin();
});
afterEach(() => scene.remove());

test("a capture ends at its time-out, and by the caller's signal", async () => {
  write(life.dir, { 'new.txt': 'x\n' });
  await life.captured();
  const late = life.capture({ limits: { timeoutMs: 1 } });
  await expect(late).rejects.toMatchObject({ kind: 'timed-out', code: 'snapshot_timeout', retryable: true });
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  await expect(life.capture({ signal: stop.signal })).rejects.toMatchObject({ code: 'draining' });
  expect(readdirSync(privateDir(life.repo))).toEqual([]);
});

test('a folder that is no worktree of the rig is refused', async () => {
  const inside = join(life.dir, 'src');
  await expect(life.capture({ dir: inside })).rejects.toMatchObject({ kind: 'misplaced' });
  rmSync(join(life.dir, '.git'));
  await expect(life.capture()).rejects.toMatchObject({ kind: 'misplaced' });
});

test('a HEAD whose commit is lost is an error, and not a branch without commits', async () => {
  writeFileSync(join(life.repo, 'refs', 'heads', BRANCH), `${'1'.repeat(40)}\n`);
  await expect(life.capture()).rejects.toMatchObject({ code: 'git_failed' });
});

test('snapshots that are no longer needed are dropped, those of other agents never', async () => {
  const { git, repo } = life;
  let previous: Fingerprint | null = null;
  for (const seq of [1, 2, 10]) {
    write(life.dir, { 'n.txt': `${seq}\n` });
    previous = (await life.captured({ seq, previous })).fingerprint;
  }
  agentGit(repo, 'update-ref', `refs/relight/snapshots/${AGENT}2/1`, 'refs/remotes/origin/main');
  const folder = `refs/relight/snapshots/${AGENT}/`;
  expect(await dropSnapshots(git, RIG, AGENT, { keep: [10] })).toEqual([`${folder}1`, `${folder}2`]);
  expect(await dropSnapshots(git, RIG, AGENT, { keep: [10] })).toEqual([]);
  expect(agentGit(repo, 'for-each-ref', '--format=%(refname)', 'refs/relight').trim().split('\n')).toEqual([
    `${folder}10`,
    `refs/relight/snapshots/${AGENT}2/1`,
  ]);
});

test('a repository with SHA-256 is captured, bundled and brought back', async () => {
  const lives = await Promise.all(
    ['old', 'new'].map(async (name) => {
      const git = createGit({ workspace: join(scene.root, name) });
      const [repo, dir] = [repoDir(git.workspace, RIG), worktreeDir(git.workspace, RIG, AGENT)];
      mkdirSync(dirname(dir), { recursive: true });
      agentGit(scene.root, 'init', '--quiet', '--bare', '--template=', '--object-format=sha256', repo);
      const tree = agentGit(repo, 'hash-object', '-w', '-t', 'tree', '/dev/null').trim();
      const commit = agentGit(repo, 'commit-tree', '-m', 'first', tree).trim();
      agentGit(repo, 'worktree', 'add', '--quiet', '-b', BRANCH, dir, commit);
      return { git, dir };
    }),
  );
  const [old, fresh] = lives;
  if (old === undefined || fresh === undefined) throw new Error('two lives were made');
  write(old.dir, { 'staged.txt': 'one\n', 'new.txt': 'two\n' });
  agentGit(old.dir, 'add', 'staged.txt');
  const work = { rig: RIG, agent: AGENT, bead: 'b1', branch: BRANCH };
  const secrets = new KnownSecrets([]);
  const about = { ...work, dir: old.dir, generation: 1, secrets };
  const captured = await capture(old.git, { ...about, seq: 1, previous: null });
  if (captured === null) throw new Error('nothing was captured');
  const file = join(scene.root, 'sha256.bundle');
  await writeBundle(old.git, RIG, captured, { onRemote: [], file });
  const snapshot = await readBundle(fresh.git, RIG, file);
  await putBack(fresh.git, { ...work, dir: fresh.dir, snapshot, remoteTip: null, generation: 1 });
  expect(captured.commit).toHaveLength(64);
  expect(await observe(fresh.dir)).toEqual(await observe(old.dir));
});
