import { afterEach, beforeEach, expect, test } from 'vitest';
import { observe } from './observe.ts';
import { agentGit, BRANCH, SnapshotScene, tryGit, write } from './snapshot-scene.ts';
import type { Life } from './snapshot-scene.ts';

let scene: SnapshotScene;
let life: Life;
beforeEach(async () => {
  scene = new SnapshotScene();
  life = await scene.begin();
});
afterEach(() => scene.remove());

function commit(dir: string, file: string, text: string): string {
  write(dir, { [file]: text });
  agentGit(dir, 'add', '--all');
  agentGit(dir, 'commit', '--quiet', '--message', `${file}: ${text.trim()}`);
  return agentGit(dir, 'rev-parse', 'HEAD').trim();
}

/** Two branches that changed the same line, `theirs` with a second commit; the agent's is checked out. */
function diverge(dir: string): void {
  agentGit(dir, 'checkout', '--quiet', '-b', 'theirs');
  commit(dir, 'README.md', 'their line\n');
  commit(dir, 'theirs.txt', 'theirs\n');
  agentGit(dir, 'checkout', '--quiet', BRANCH);
  commit(dir, 'README.md', 'our line\n');
  commit(dir, 'ours.txt', 'ours\n');
}

/** The agent settles the conflict in the worktree that was brought back, and finishes. */
function settle(dir: string, ...finish: string[]): void {
  write(dir, { 'README.md': 'both lines\n' });
  agentGit(dir, 'add', 'README.md');
  agentGit(dir, ...finish);
}

async function carryMidway(): Promise<string> {
  const before = await observe(life.dir);
  expect(before.status.some((line) => line.startsWith('u '))).toBe(true);
  const { life: next, report } = await scene.carryOver(life);
  expect(report.outcome).toBe('restored');
  expect(await observe(next.dir)).toEqual(before);
  agentGit(next.dir, 'fsck', '--no-dangling');
  return next.dir;
}

test('a merge with conflicts goes on where it was', async () => {
  diverge(life.dir);
  await tryGit(life.dir, 'merge', 'theirs');
  const dir = await carryMidway();
  settle(dir, 'commit', '--no-edit');
  expect(agentGit(dir, 'rev-list', '--parents', '-1', 'HEAD').trim().split(' ')).toHaveLength(3);
  expect(agentGit(dir, 'log', '-1', '--format=%s').trim()).toMatch(/^Merge branch 'theirs'/);
});

test.each(['--merge', '--apply'])(
  'a rebase (%s) goes on where it was, with the commits that are still to come',
  async (how) => {
    diverge(life.dir);
    await tryGit(life.dir, 'rebase', how, 'theirs');
    const dir = await carryMidway();
    settle(dir, 'rebase', '--continue');
    expect(agentGit(dir, 'symbolic-ref', 'HEAD').trim()).toBe(`refs/heads/${BRANCH}`);
    expect(agentGit(dir, 'log', '-2', '--format=%s').trim().split('\n')).toEqual([
      'ours.txt: ours',
      'README.md: our line',
    ]);
  },
);

test('a rebase can be given up after it was brought back', async () => {
  diverge(life.dir);
  const tip = agentGit(life.dir, 'rev-parse', 'HEAD');
  await tryGit(life.dir, 'rebase', 'theirs');
  const dir = await carryMidway();
  agentGit(dir, 'rebase', '--abort');
  expect(agentGit(dir, 'rev-parse', 'HEAD')).toBe(tip);
});

test('a cherry-pick of several commits goes on where it was', async () => {
  diverge(life.dir);
  await tryGit(life.dir, 'cherry-pick', `${BRANCH}~2..theirs`);
  const dir = await carryMidway();
  settle(dir, 'cherry-pick', '--continue');
  expect(agentGit(dir, 'log', '-1', '--format=%s').trim()).toBe('theirs.txt: theirs');
});

test('a revert goes on where it was', async () => {
  const first = commit(life.dir, 'README.md', 'one\n');
  commit(life.dir, 'README.md', 'two\n');
  await tryGit(life.dir, 'revert', '--no-edit', first);
  const dir = await carryMidway();
  settle(dir, 'revert', '--continue');
  expect(agentGit(dir, 'log', '-1', '--format=%s').trim()).toBe('Revert "README.md: one"');
});

test('a bisection goes on where it was', async () => {
  const commits = Array.from({ length: 8 }, (_, n) => commit(life.dir, 'n.txt', `${n}\n`));
  agentGit(life.dir, 'bisect', 'start', 'HEAD', `HEAD~7`);
  agentGit(life.dir, 'bisect', 'good');
  const before = await observe(life.dir);
  const { life: next } = await scene.carryOver(life);
  expect(await observe(next.dir)).toEqual(before);
  expect(agentGit(next.dir, 'bisect', 'log')).toBe(agentGit(life.dir, 'bisect', 'log'));
  expect(agentGit(next.dir, 'bisect', 'bad')).toMatch(/Bisecting|is the first bad commit/);
  agentGit(next.dir, 'bisect', 'reset');
  expect(agentGit(next.dir, 'rev-parse', 'HEAD').trim()).toBe(commits.at(-1));
});

test('a stopped interactive rebase keeps its labels and its list', async () => {
  commit(life.dir, 'a.txt', 'a\n');
  agentGit(life.dir, 'checkout', '--quiet', '-b', 'side');
  commit(life.dir, 'side.txt', 'side\n');
  agentGit(life.dir, 'checkout', '--quiet', BRANCH);
  commit(life.dir, 'b.txt', 'b\n');
  agentGit(life.dir, 'merge', '--quiet', '--no-edit', 'side');
  await tryGit(life.dir, '-c', 'sequence.editor=sed -i s/^pick/edit/', 'rebase', '-i', '-r', 'HEAD~2');
  const before = await observe(life.dir);
  const { life: next } = await scene.carryOver(life);
  expect(await observe(next.dir)).toEqual(before);
  while (await tryGit(next.dir, 'rebase', '--continue')) {
    if (!agentGit(next.dir, 'status').includes('rebase in progress')) break;
  }
  expect(agentGit(next.dir, 'log', '-1', '--format=%s').trim()).toBe("Merge branch 'side' into gt/ada/b1");
});

test('what a resolved conflict was before can still be had', async () => {
  diverge(life.dir);
  await tryGit(life.dir, 'merge', 'theirs');
  write(life.dir, { 'README.md': 'resolved\n' });
  agentGit(life.dir, 'add', 'README.md');
  const { life: next } = await scene.carryOver(life);
  agentGit(next.dir, 'checkout', '--merge', '--', 'README.md');
  expect(agentGit(next.dir, 'ls-files', '--unmerged').trim().split('\n')).toHaveLength(3);
});
