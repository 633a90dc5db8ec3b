import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensurePushed } from '../../../container/git/push.ts';
import { headOf } from '../../../container/git/worktree-head.ts';
import { planFor, RIG, run, Scene, write } from './scene.ts';

const BRANCH = 'gt/ada/b1';

describe('making sure that the remote holds the work of a finished bead', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = new Scene();
    await scene.restore([planFor('ada')]);
  });
  afterEach(() => scene.remove());

  const push = () => ensurePushed(scene.git, RIG, scene.dir('ada'), BRANCH, false);

  function commit(text: string): string {
    write(scene.dir('ada'), { 'work.txt': text });
    run(scene.dir('ada'), 'add', '.');
    run(scene.dir('ada'), 'commit', '--quiet', '-m', text);
    return run(scene.dir('ada'), 'rev-parse', 'HEAD');
  }

  it('pushes what the remote lacks, tells of uncommitted files, and does it again without harm', async () => {
    const head = commit('one');
    expect(await push()).toEqual({ head, dirty: false });
    expect(scene.remoteHead(BRANCH)).toBe(head);
    expect(run(scene.dir('ada'), 'rev-parse', `origin/${BRANCH}`)).toBe(head);
    write(scene.dir('ada'), { 'more.txt': 'x\n' });
    expect(await push()).toEqual({ head, dirty: true });
  });

  it('pushes from a detached HEAD', async () => {
    run(scene.dir('ada'), 'checkout', '--quiet', '--detach');
    const head = commit('detached');
    expect(await push()).toMatchObject({ head });
    expect(scene.remoteHead(BRANCH)).toBe(head);
  });

  it('lease lost: never overwrites what somebody else pushed', async () => {
    const theirs = scene.push(BRANCH, { 'theirs.txt': 'x\n' }, 'main');
    commit('mine');
    await expect(push()).rejects.toMatchObject({ code: 'not_pushed', message: /rejected/ });
    expect(scene.remoteHead(BRANCH)).toBe(theirs);
  });

  it('accepts a remote branch that has gone on from HEAD', async () => {
    const head = commit('one');
    await push();
    run(scene.colleague, 'fetch', '--quiet');
    scene.push(BRANCH, { 'later.txt': 'x\n' }, `origin/${BRANCH}`);
    expect(await push()).toEqual({ head, dirty: false });
  });

  it("does not run the agent's hooks", async () => {
    write(scene.repo, { 'hooks/pre-push': '#!/bin/sh\nexit 1\n' });
    chmodSync(join(scene.repo, 'hooks/pre-push'), 0o755);
    commit('one');
    expect(await push()).toMatchObject({ dirty: false });
  });

  it('push "succeeded" but the ref was not there: the remote is asked again', async () => {
    write(scene.remote, { 'hooks/post-receive': `#!/bin/sh\ngit update-ref -d refs/heads/${BRANCH}\n` });
    chmodSync(join(scene.remote, 'hooks/post-receive'), 0o755);
    commit('one');
    await expect(push()).rejects.toMatchObject({ code: 'not_pushed', message: /is at nothing/ });
  });

  it('a remote that cannot be asked is not a branch that is not pushed', async () => {
    run(scene.dir('ada'), 'remote', 'set-url', 'origin', 'http://127.0.0.1:1/core.git');
    commit('one');
    await expect(push()).rejects.toMatchObject({ code: 'git_unreachable' });
  });
});

describe('a worktree without commits', () => {
  it('has no head and nothing to push', async () => {
    const scene = new Scene({ commits: false });
    await scene.restore([planFor('ada')]);
    write(scene.dir('ada'), { 'new.txt': 'x\n' });
    expect(await headOf(scene.git, scene.dir('ada'))).toBeNull();
    expect(await ensurePushed(scene.git, RIG, scene.dir('ada'), BRANCH, false)).toEqual({
      head: null,
      dirty: true,
    });
    scene.remove();
  });
});

describe('automatic work in a folder without .git', () => {
  it('never walks up into the repository of a parent folder', async () => {
    const scene = new Scene();
    run(scene.root, 'init', '--quiet');
    write(scene.root, { 'workspace/plain/file.txt': 'x\n' });
    const plain = join(scene.workspace, 'plain');
    await expect(headOf(scene.git, plain)).rejects.toMatchObject({ code: 'git_failed' });
    await expect(headOf(scene.git, join(scene.colleague, 'src'))).rejects.toMatchObject({
      code: 'git_failed',
    });
    await expect(ensurePushed(scene.git, RIG, plain, BRANCH, false)).rejects.toMatchObject({
      code: 'git_failed',
    });
    scene.remove();
  });
});
