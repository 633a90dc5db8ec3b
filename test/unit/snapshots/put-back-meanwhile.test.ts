import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { observe } from './observe.ts';
import { agentGit, BRANCH, commit, SnapshotScene, write } from './snapshot-scene.ts';
import type { Life } from './snapshot-scene.ts';

let scene: SnapshotScene;
let life: Life;
beforeEach(async () => {
  scene = new SnapshotScene();
  life = await scene.begin();
});
afterEach(() => scene.remove());

const push = (dir: string, ...options: string[]): string =>
  agentGit(dir, 'push', '--quiet', ...options, 'origin', `HEAD:refs/heads/${BRANCH}`);

/** Somebody else pushes a commit to the agent's branch. */
function pushByOther(): string {
  const other = join(scene.root, 'other');
  agentGit(scene.root, 'clone', '--quiet', '--branch', BRANCH, scene.remote, other);
  const tip = commit(other, 'other.txt');
  push(other);
  return tip;
}

test('where the branch moved on the remote nothing is overwritten, and the commands to take the work over do', async () => {
  push(life.dir);
  const head = commit(life.dir, 'unpushed.txt');
  write(life.dir, { 'README.md': 'changed\n', 'untracked.txt': 'untracked\n' });
  const captured = await life.captured();
  const tip = pushByOther();
  const { life: next, report } = await scene.carry(life, captured);
  expect(report.outcome).toBe('conflict');
  expect(agentGit(next.dir, 'rev-parse', 'HEAD').trim()).toBe(tip);
  expect(agentGit(next.dir, 'status', '--porcelain')).toBe('');
  expect(next.tipOf(captured.ref)).toBe(captured.commit);
  expect(report.warnings).toEqual([
    `the remote's ${BRANCH} has moved to ${tip} since the snapshot was taken: it is kept as ${captured.ref}, and nothing of it was put back`,
    `to see its commits: git log ${BRANCH}..${head}; its uncommitted changes: git diff ${head} ${captured.ref}`,
    `to take over its commits: git merge ${head}`,
    `to take over its uncommitted changes: git diff --binary ${head} ${captured.ref} | git apply --3way`,
    `to get at one file: git restore --source=${captured.ref} -- <path>`,
  ]);
  agentGit(next.dir, 'merge', '--quiet', '--no-edit', head);
  const patch = join(scene.root, 'patch');
  agentGit(next.dir, 'diff', '--binary', `--output=${patch}`, head, captured.ref);
  agentGit(next.dir, 'apply', '--3way', patch);
  expect(readdirSync(next.dir).sort()).toEqual([
    '.git',
    'README.md',
    'other.txt',
    'src',
    'unpushed.txt',
    'untracked.txt',
  ]);
  expect(readFileSync(join(next.dir, 'README.md'), 'utf8')).toBe('changed\n');
});

test('commits that were pushed after the snapshot are no conflict', async () => {
  push(life.dir);
  commit(life.dir, 'pushed.txt');
  write(life.dir, { 'new.txt': 'x\n' });
  const captured = await life.captured();
  push(life.dir);
  const before = await observe(life.dir);
  const { life: next, report } = await scene.carry(life, captured);
  expect(report.outcome).toBe('restored');
  expect(await observe(next.dir)).toEqual(before);
});

test('a history that the agent rewrote comes back rewritten while the remote is as it was', async () => {
  commit(life.dir, 'a.txt');
  push(life.dir);
  agentGit(life.dir, 'commit', '--quiet', '--amend', '--message', 'better words');
  const before = await observe(life.dir);
  const { life: next, report } = await scene.carryOver(life);
  expect(report.outcome).toBe('restored');
  expect(await observe(next.dir)).toEqual(before);
});

test('a snapshot of a later generation than the container is kept, and nothing is overwritten', async () => {
  write(life.dir, { 'new.txt': 'new\n' });
  const captured = await life.captured({ generation: 7 });
  const { life: next, report } = await scene.carry(life, captured);
  expect(report.outcome).toBe('conflict');
  expect(report.warnings[0]).toContain('the snapshot is of generation 7, and this is 1');
  expect(existsSync(join(next.dir, 'new.txt'))).toBe(false);
  expect(next.tipOf(captured.ref)).toBe(captured.commit);
});

test('where the branch was deleted on the remote meanwhile, everything comes back', async () => {
  agentGit(life.dir, 'commit', '--quiet', '--allow-empty', '--message', 'pushed');
  agentGit(life.dir, 'push', '--quiet', scene.remote, `HEAD:refs/heads/${BRANCH}`);
  agentGit(life.repo, 'update-ref', `refs/remotes/origin/${BRANCH}`, BRANCH);
  write(life.dir, { 'new.txt': 'new\n' });
  const before = await observe(life.dir);
  const captured = await life.captured();
  agentGit(scene.remote, 'update-ref', '-d', `refs/heads/${BRANCH}`);
  const { life: next, report } = await scene.carry(life, captured);
  expect(report.outcome).toBe('restored');
  expect(await observe(next.dir)).toEqual(before);
});
