import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { restoreRig } from '../../../container/git/restore-rig.ts';
import type { Git } from '../../../container/git/run-git.ts';
import { readBundle, writeBundle } from '../../../container/snapshots/bundle.ts';
import { putBack } from '../../../container/snapshots/put-back.ts';
import { observe } from './observe.ts';
import { AGENT, agentGit, BRANCH, commit, RIG, SnapshotScene, tryGit, write } from './snapshot-scene.ts';
import type { Life } from './snapshot-scene.ts';

let scene: SnapshotScene;
let life: Life;
beforeEach(async () => {
  scene = new SnapshotScene();
  life = await scene.begin();
});
afterEach(() => scene.remove());

test('a snapshot of another bead, agent or rig is not put back', async () => {
  write(life.dir, { 'new.txt': 'x\n' });
  const { commit: of, meta } = await life.captured();
  const next = await scene.begin();
  const before = await observe(next.dir);
  for (const other of [{ bead: 'b0' }, { agent: 'eve' }, { rig: 'other' }]) {
    const report = await next.putBack({ commit: of, meta: { ...meta, ...other } });
    expect(report).toMatchObject({ outcome: 'none', head: null });
    expect(report.warnings[0]).toContain('nothing was put back');
  }
  expect(await observe(next.dir)).toEqual(before);
});

test('an own branch that somebody else has by now leaves HEAD detached at the commit', async () => {
  agentGit(life.dir, 'checkout', '--quiet', '-b', 'own');
  const head = commit(life.dir, 'a.txt');
  const captured = await life.captured();
  const file = join(scene.root, 'own.bundle');
  await writeBundle(life.git, RIG, captured, { onRemote: scene.tips(), file });
  const next = await scene.begin();
  agentGit(next.repo, 'branch', 'own', 'refs/remotes/origin/main');
  const report = await next.putBack(await readBundle(next.git, RIG, file));
  expect(report.warnings[0]).toMatch(/^refs\/heads\/own is at [0-9a-f]{40} by now: HEAD was detached/);
  expect(agentGit(next.dir, 'rev-parse', 'HEAD').trim()).toBe(head);
  expect(await tryGit(next.dir, 'symbolic-ref', '--quiet', 'HEAD')).toBe(false);
});

/** Lets `commands` git commands pass, and is then as if the process had been killed. */
function killedAfter(git: Git, commands: number): Git {
  let left = commands;
  return {
    ...git,
    run(dir, args, command) {
      if (left === 0) throw new Error('killed');
      left -= 1;
      return git.run(dir, args, command);
    },
  };
}

test('cut off after any of its steps, a second run completes it', async () => {
  const { dir } = life;
  commit(dir, 'README.md', 'ours');
  agentGit(dir, 'branch', 'theirs', 'HEAD~1');
  agentGit(dir, 'checkout', '--quiet', 'theirs');
  commit(dir, 'README.md', 'theirs');
  agentGit(dir, 'checkout', '--quiet', BRANCH);
  await tryGit(dir, 'merge', 'theirs');
  write(dir, { 'new.txt': 'new\n', 'closed/x.txt': 'x\n' });
  rmSync(join(dir, 'src'), { recursive: true });
  const before = await observe(dir);
  const captured = await life.captured();
  const file = join(scene.root, 'snapshot.bundle');
  await writeBundle(life.git, RIG, captured, { onRemote: scene.tips(), file });
  for (let commands = 0; ; commands += 1) {
    const next = await scene.begin();
    const snapshot = await readBundle(next.git, RIG, file);
    const remoteTip = null;
    const request = {
      rig: RIG,
      agent: AGENT,
      dir: next.dir,
      branch: BRANCH,
      bead: 'b1',
      snapshot,
      remoteTip,
      generation: 1,
    };
    const first = await putBack(killedAfter(next.git, commands), request).catch((error: unknown) => error);
    const second = await putBack(next.git, request);
    expect(second.outcome).toBe('restored');
    expect(await observe(next.dir)).toEqual(before);
    if (!(first instanceof Error)) return;
    expect(commands).toBeLessThan(20);
  }
});

test('a second run completes what was begun also when the remote has moved meanwhile', async () => {
  write(life.dir, { 'new.txt': 'new\n' });
  const before = await observe(life.dir);
  const captured = await life.captured();
  const file = join(scene.root, 'snapshot.bundle');
  await writeBundle(life.git, RIG, captured, { onRemote: scene.tips(), file });
  const next = await scene.begin();
  const snapshot = await readBundle(next.git, RIG, file);
  const request = {
    rig: RIG,
    agent: AGENT,
    dir: next.dir,
    branch: BRANCH,
    bead: 'b1',
    snapshot,
    remoteTip: null,
    generation: 1,
  };
  await expect(putBack(killedAfter(next.git, 5), request)).rejects.toThrow('killed');
  const other = agentGit(next.repo, 'commit-tree', '-m', 'other', `${BRANCH}^{tree}`).trim();
  const report = await putBack(next.git, { ...request, remoteTip: other });
  expect(report.outcome).toBe('restored');
  expect(await observe(next.dir)).toEqual(before);
});

test('nothing is written through a symbolic link that leads out of the worktree', async () => {
  const outside = join(scene.root, 'outside');
  mkdirSync(outside, { mode: 0o755 });
  write(outside, { 'index.js': 'outside\n' });
  write(life.dir, { 'src/index.js': 'inside\n', 'src/new.js': 'inside\n' });
  mkdirSync(join(life.dir, 'src', 'empty'), { mode: 0o700 });
  const captured = await life.captured();
  const file = join(scene.root, 'snapshot.bundle');
  await writeBundle(life.git, RIG, captured, { onRemote: scene.tips(), file });
  const next = await scene.begin();
  rmSync(join(next.dir, 'src'), { recursive: true });
  symlinkSync(outside, join(next.dir, 'src'));
  const report = await next.putBack(await readBundle(next.git, RIG, file));
  expect(report.outcome).toBe('restored');
  expect(readFileSync(join(outside, 'index.js'), 'utf8')).toBe('outside\n');
  expect(readdirSync(outside)).toEqual(['index.js']);
  expect(lstatSync(join(next.dir, 'src')).isDirectory()).toBe(true);
  expect(readFileSync(join(next.dir, 'src', 'index.js'), 'utf8')).toBe('inside\n');
});

test('a snapshot that is not here, or whose state is damaged, leaves the worktree alone', async () => {
  const { commit: of, meta } = await life.captured();
  const next = await scene.begin();
  const before = await observe(next.dir);
  await expect(next.putBack({ commit: of, meta })).rejects.toMatchObject({
    kind: 'incomplete',
    missing: [of],
  });
  const here = await life
    .putBack({ commit: of, meta: { ...meta, state: meta.index } })
    .catch((error: unknown) => error);
  expect(here).toMatchObject({ code: 'git_failed' });
  expect(await observe(next.dir)).toEqual(before);
});

test('works in a worktree that a restore of the rig has made', async () => {
  write(life.dir, { 'new.txt': 'new\n', 'README.md': 'changed\n' });
  agentGit(life.dir, 'add', 'README.md');
  const before = await observe(life.dir);
  const captured = await life.captured();
  const file = join(scene.root, 'snapshot.bundle');
  await writeBundle(life.git, RIG, captured, { onRemote: scene.tips(), file });
  const next = await scene.begin();
  rmSync(next.git.workspace, { recursive: true });
  mkdirSync(next.git.workspace);
  const plan = {
    agent: AGENT,
    bead: 'b1',
    branch: BRANCH,
    baseBranch: null,
    checkpointHead: null,
    snapshot: null,
    older: [],
    pinned: [],
  };
  const request = {
    life: { bootId: '0'.repeat(32), generation: 1 },
    recoveryId: null,
    event: null,
    gitUrl: scene.remote,
    defaultBranch: null,
    credential: false,
    setupCommand: null,
    history: 'full' as const,
    sparse: [],
    snapshots: {
      store: 'r2' as const,
      refSpace: 'private' as const,
      home: 'town.1',
      intervalSeconds: 10,
      maxFileBytes: 1_000_000,
    },
    agents: [plan],
    hooked: null,
    files: null,
  };
  const report = await restoreRig(next.git, RIG, request, {
    onPhase: () => undefined,
    onAgent: () => undefined,
  });
  expect(report.status).toBe('ready');
  const back = await next.putBack(await readBundle(next.git, RIG, file), { remoteTip: null });
  expect(back.outcome).toBe('restored');
  // The restore of a rig names the upstream, which the scene does not.
  const seen = await observe(next.dir);
  const status = seen.status.filter((line) => !line.startsWith('# branch.upstream'));
  expect({ ...seen, status }).toEqual(before);
  expect(existsSync(join(next.repo, 'worktrees', AGENT, 'relight-ready'))).toBe(true);
});
