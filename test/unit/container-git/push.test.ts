import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { ensurePushed } from '../../../container/git/push.ts';
import type { Pushed } from '../../../container/git/push.ts';
import { headOf } from '../../../container/git/worktree-head.ts';
import { restoredTest as it } from './scene-test.ts';
import { planFor, RIG, run, write } from './scene.ts';
import type { Scene } from './scene.ts';

const BRANCH = 'gt/ada/b1';

function push(scene: Scene): Promise<Pushed> {
  return ensurePushed(scene.git, RIG, scene.dir('ada'), BRANCH, false);
}

function commit(scene: Scene, text: string): string {
  write(scene.dir('ada'), { 'work.txt': text });
  run(scene.dir('ada'), 'add', '.');
  run(scene.dir('ada'), 'commit', '--quiet', '-m', text);
  return run(scene.dir('ada'), 'rev-parse', 'HEAD');
}

describe.concurrent('making sure that the remote holds the work of a finished bead', () => {
  it('pushes what the remote lacks, tells of uncommitted files, and does it again without harm', async ({
    scene,
  }) => {
    const head = commit(scene, 'one');
    expect(await push(scene)).toEqual({ head, dirty: false });
    expect(scene.remoteHead(BRANCH)).toBe(head);
    expect(run(scene.dir('ada'), 'rev-parse', `origin/${BRANCH}`)).toBe(head);
    write(scene.dir('ada'), { 'more.txt': 'x\n' });
    expect(await push(scene)).toEqual({ head, dirty: true });
  });

  it('pushes from a detached HEAD', async ({ scene }) => {
    run(scene.dir('ada'), 'checkout', '--quiet', '--detach');
    const head = commit(scene, 'detached');
    expect(await push(scene)).toMatchObject({ head });
    expect(scene.remoteHead(BRANCH)).toBe(head);
  });

  it('lease lost: never overwrites what somebody else pushed', async ({ scene }) => {
    const theirs = scene.push(BRANCH, { 'theirs.txt': 'x\n' }, 'main');
    commit(scene, 'mine');
    await expect(push(scene)).rejects.toMatchObject({ code: 'not_pushed', message: /rejected/ });
    expect(scene.remoteHead(BRANCH)).toBe(theirs);
  });

  it('accepts a remote branch that has gone on from HEAD', async ({ scene }) => {
    const head = commit(scene, 'one');
    await push(scene);
    run(scene.colleague, 'fetch', '--quiet');
    scene.push(BRANCH, { 'later.txt': 'x\n' }, `origin/${BRANCH}`);
    expect(await push(scene)).toEqual({ head, dirty: false });
  });

  it("does not run the agent's hooks", async ({ scene }) => {
    write(scene.repo, { 'hooks/pre-push': '#!/bin/sh\nexit 1\n' });
    chmodSync(join(scene.repo, 'hooks/pre-push'), 0o755);
    commit(scene, 'one');
    expect(await push(scene)).toMatchObject({ dirty: false });
  });

  it('push "succeeded" but the ref was not there: the remote is asked again', async ({ scene }) => {
    write(scene.remote, { 'hooks/post-receive': `#!/bin/sh\ngit update-ref -d refs/heads/${BRANCH}\n` });
    chmodSync(join(scene.remote, 'hooks/post-receive'), 0o755);
    commit(scene, 'one');
    await expect(push(scene)).rejects.toMatchObject({ code: 'not_pushed', message: /is at nothing/ });
  });

  it('a remote that cannot be asked is not a branch that is not pushed', async ({ scene }) => {
    run(scene.dir('ada'), 'remote', 'set-url', 'origin', 'http://127.0.0.1:1/core.git');
    commit(scene, 'one');
    await expect(push(scene)).rejects.toMatchObject({ code: 'git_unreachable' });
  });
});

describe.concurrent('a worktree without commits', () => {
  it('has no head and nothing to push', async ({ makeScene }) => {
    const scene = makeScene({ commits: false });
    await scene.restore([planFor('ada')]);
    write(scene.dir('ada'), { 'new.txt': 'x\n' });
    expect(await headOf(scene.git, scene.dir('ada'))).toBeNull();
    expect(await ensurePushed(scene.git, RIG, scene.dir('ada'), BRANCH, false)).toEqual({
      head: null,
      dirty: true,
    });
  });
});

describe.concurrent('automatic work in a folder without .git', () => {
  it('never walks up into the repository of a parent folder', async ({ scene }) => {
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
  });
});
