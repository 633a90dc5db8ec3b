import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { worktreeDir } from '../../../container/git/layout.ts';
import { GitFailure } from '../../../container/git/errors.ts';
import { completeHistory, isPartial } from '../../../container/git/partial-clone.ts';
import { restoreRig } from '../../../container/git/restore-rig.ts';
import { createGit } from '../../../container/git/run-git.ts';
import type { Git } from '../../../container/git/run-git.ts';
import { KnownSecrets } from '../../../container/known-secrets.ts';
import { capture } from '../../../container/snapshots/capture.ts';
import { fetchSnapshot } from '../../../container/snapshots/fetch-snapshot.ts';
import { describeSnapshot } from '../../../container/snapshots/offer.ts';
import { putBack } from '../../../container/snapshots/put-back.ts';
import { sceneTest as it } from './scene-test.ts';
import { planFor, RIG, run, write } from './scene.ts';
import type { Scene } from './scene.ts';

const MINE = 'gt/ada/b1';
const silent = { onPhase: () => undefined, onAgent: () => undefined };

/** A remote that can leave contents out, where `main` and ada's branch have changed the same file several times. */
function withHistory(scene: Scene): void {
  run(scene.remote, 'config', 'uploadpack.allowFilter', 'true');
  for (const n of [1, 2, 3])
    scene.push('main', { 'src/index.js': `export const n = ${n};\n`, [`old${n}.txt`]: 'x\n' });
  scene.push(MINE, { 'mine.txt': 'mine\n' });
  scene.push('main', { 'theirs.txt': 'theirs\n' });
}

/** How many objects of the history are not here. */
function missing({ repo }: Scene): number {
  const listed = run(repo, 'rev-list', '--objects', '--quiet', '--missing=print', '--all');
  return listed.split('\n').filter((line) => line.startsWith('?')).length;
}

/** Takes the remote away, so that whatever git still needs of it fails. */
function unplug(scene: Scene): void {
  renameSync(scene.remotes, `${scene.remotes}.away`);
}

describe.concurrent('a rig whose remote can leave contents out', () => {
  it('gets the contents of what is checked out, and the others later', async ({ scene }) => {
    withHistory(scene);
    const report = await scene.restoreOne(planFor('ada'));
    expect(report).toMatchObject({ fault: null, warnings: [], files: 6 });
    expect(missing(scene)).toBeGreaterThan(0);
    unplug(scene);
    expect(run(scene.dir('ada'), 'status', '--porcelain')).toBe('');
    expect(run(scene.dir('ada'), 'log', '--oneline').split('\n')).toHaveLength(5);
    expect(run(scene.dir('ada'), 'grep', 'n = 3')).toBe('src/index.js:export const n = 3;');
  });

  it('lets an agent log, diff, merge, rebase, fetch and push as if everything were there', async ({
    scene,
  }) => {
    withHistory(scene);
    await scene.restore([planFor('ada')]);
    const dir = scene.dir('ada');
    expect(run(dir, 'log', '--patch', '--', 'src/index.js')).toContain('+export const n = 1;');
    expect(run(dir, 'diff', 'HEAD~3', '--', 'src/index.js')).toContain('-export const n = 1;');
    expect(run(dir, 'blame', '-s', 'src/index.js')).toContain('export const n = 3;');
    write(dir, { 'new.txt': 'new\n' });
    run(dir, 'add', '--all');
    run(dir, 'commit', '--quiet', '--message', 'new');
    run(dir, 'fetch', '--quiet');
    run(dir, 'rebase', '--quiet', 'origin/main');
    expect(existsSync(join(dir, 'theirs.txt'))).toBe(true);
    scene.push('main', { 'later.txt': 'later\n' });
    run(dir, 'fetch', '--quiet');
    run(dir, 'merge', '--quiet', '--no-edit', 'origin/main');
    run(dir, 'push', '--quiet', '--force-with-lease', 'origin', 'HEAD');
    expect(scene.remoteHead(MINE)).toBe(run(dir, 'rev-parse', 'HEAD'));
  });

  it('has everything once its history is complete, and fetches everything from then on', async ({
    scene,
  }) => {
    withHistory(scene);
    await scene.restore([planFor('ada')]);
    await completeHistory(scene.git, scene.repo, {});
    expect(isPartial(scene.repo)).toBe(false);
    scene.push('main', { 'src/index.js': 'export const n = 4;\n' });
    run(scene.dir('ada'), 'fetch', '--quiet');
    expect(missing(scene)).toBe(0);
    unplug(scene);
    expect(run(scene.dir('ada'), 'log', '--patch', '--all')).toContain('+export const n = 4;');
    run(scene.repo, 'fsck', '--strict');
  });

  it('goes on where its completion was cut off', async ({ scene }) => {
    withHistory(scene);
    await scene.restore([planFor('ada')]);
    const stop = new AbortController();
    const cut = completeHistory(scene.git, scene.repo, { signal: stop.signal });
    stop.abort();
    await expect(cut).rejects.toMatchObject({ code: 'draining' });
    expect(isPartial(scene.repo)).toBe(true);
    await completeHistory(scene.git, scene.repo, {});
    expect(missing(scene)).toBe(0);
  });

  it('keeps agents that are added later from waiting for what they need', async ({ scene }) => {
    withHistory(scene);
    scene.push('gt/bob/b1', { 'bob.txt': 'bob\n' });
    await scene.restore([planFor('ada')]);
    const report = await scene.restore([planFor('ada'), planFor('bob')]);
    expect(report.agents.map(({ from, fault }) => [from, fault])).toEqual([
      ['kept', null],
      ['remote', null],
    ]);
    unplug(scene);
    expect(run(scene.dir('bob'), 'status', '--porcelain')).toBe('');
  });
});

/** The scene's git, which refuses the commands with this option. */
function gitWithout(scene: Scene, option: string): Git {
  const refusal = new GitFailure('git_unreachable', 'refused', { exitCode: 128, output: '' });
  return {
    ...scene.git,
    run: async (dir, args, command) => {
      if (args.includes(option)) throw refusal;
      return await scene.git.run(dir, args, command);
    },
  };
}

describe.concurrent('the files of a rig and their history, which come at the same time', () => {
  it('are both there when an agent is reported, before the rig is', async ({ scene }) => {
    withHistory(scene);
    const commits: number[] = [];
    const onAgent = (): void => {
      commits.push(run(scene.dir('ada'), 'rev-list', 'HEAD').split('\n').length);
    };
    await scene.restore([planFor('ada')], {}, { onAgent });
    expect(commits).toEqual([5]);
  });

  it('come one after the other where the files cannot be had alone', async ({ scene }) => {
    withHistory(scene);
    const git = gitWithout(scene, '--depth=1');
    const report = await restoreRig(git, RIG, scene.request([planFor('ada')]), silent);
    expect(report).toMatchObject({ status: 'ready', agents: [{ files: 6, warnings: [] }] });
  });

  it('are made anew together where only the files came', async ({ scene }) => {
    withHistory(scene);
    const git = gitWithout(scene, '--refetch');
    const report = await restoreRig(git, RIG, scene.request([planFor('ada')]), silent);
    const fault = { code: 'git_unreachable' };
    expect(report).toMatchObject({ status: 'failed', fault, agents: [{ fault }] });
    expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ fault: null, files: 6, warnings: [] });
    run(scene.repo, 'fsck', '--strict', '--no-dangling');
  });
});

describe.concurrent('the history of a rig', () => {
  it('is complete at once where the remote leaves nothing out', async ({ scene }) => {
    withHistory(scene);
    run(scene.remote, 'config', 'uploadpack.allowFilter', 'false');
    await scene.restore([planFor('ada')]);
    expect(missing(scene)).toBe(0);
  });

  it('is the newest commit of each branch where it is to be shallow', async ({ scene }) => {
    withHistory(scene);
    scene.url = `file://${scene.remote}`;
    const report = await scene.restoreOne(planFor('ada'), { history: 'shallow' });
    expect(report).toMatchObject({ fault: null, files: 6 });
    expect(run(scene.dir('ada'), 'log', '--oneline').split('\n')).toHaveLength(1);
  });
});

it('checks out only the folders that a rig wants, and the files beside them', async ({ scene }) => {
  run(scene.remote, 'config', 'uploadpack.allowFilter', 'true');
  scene.push('main', { 'app/a/1.txt': 'a\n', 'app/b/1.txt': 'b\n', 'docs/x.md': 'x\n', 'top.txt': 'top\n' });
  const report = await scene.restoreOne(planFor('ada'), { sparse: ['app/a'] });
  expect(report).toMatchObject({ fault: null, from: 'base' });
  const dir = scene.dir('ada');
  expect(readdirSync(dir).sort()).toEqual(['.git', 'README.md', 'app', 'top.txt']);
  expect(readdirSync(join(dir, 'app'))).toEqual(['a']);
  expect(run(dir, 'status', '--porcelain')).toBe('');
  // What is not checked out was not fetched either.
  expect(missing(scene)).toBeGreaterThan(0);
  run(dir, 'sparse-checkout', 'add', 'docs');
  expect(existsSync(join(dir, 'docs/x.md'))).toBe(true);
  expect((await scene.restoreOne(planFor('ada'), { sparse: ['app/a'] })).from).toBe('kept');
});

it('puts a snapshot back that the remote gave without its contents', async ({ scene }) => {
  withHistory(scene);
  const plan = planFor('ada');
  await scene.restore([plan]);
  write(scene.dir('ada'), { 'src/index.js': 'unfinished\n', 'new.txt': 'new\n' });
  const about = { rig: RIG, agent: 'ada', bead: 'b1', branch: MINE };
  const [dir, secrets] = [scene.dir('ada'), new KnownSecrets([])];
  const request = { ...about, dir, generation: 1, seq: 1, previous: null, secrets };
  const captured = await capture(scene.git, request);
  if (captured === null) throw new Error('nothing was captured');
  const ref = 'refs/gastown/wip/core/ada/town.1.1';
  run(scene.repo, 'push', '--quiet', 'origin', `${captured.commit}:${ref}`);
  const stored = { store: 'git', place: ref, bytes: null, sha256: null, prerequisites: [] } as const;
  const snapshot = describeSnapshot(captured, stored);

  const git = createGit({ workspace: join(scene.root, 'next') });
  const report = await restoreRig(git, RIG, scene.request([{ ...plan, snapshot }]), {
    onPhase: () => undefined,
    onAgent: () => undefined,
    putBack: async (_plan, place) => {
      const put = { ...about, ...place, snapshot: await fetchSnapshot(git, RIG, ref), generation: 1 };
      return { ...(await putBack(git, put)), lost: [] };
    },
  });
  expect(report.agents[0]).toMatchObject({ fault: null, snapshot: 'restored', warnings: [] });
  const next = worktreeDir(git.workspace, RIG, 'ada');
  expect(run(next, 'status', '--porcelain')).toBe(' M src/index.js\n?? new.txt');
  expect(readFileSync(join(next, 'src/index.js'), 'utf8')).toBe('unfinished\n');
});
