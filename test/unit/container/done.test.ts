import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { townWithAgent, withRemote } from './agent-town.ts';
import { startControl } from './control-process.ts';
import { problem, startFakeWorker } from './fake-worker.ts';
import { makeWorktree, output } from './worktrees.ts';

describe('gt done', () => {
  test('pushes the branch, tells the Worker, and may be repeated', async () => {
    let gitUrl = '';
    const { worker, control, gt, dir } = await townWithAgent(async (made) => {
      gitUrl = await withRemote(made);
    });
    const args = ['done', '--pr-url', 'https://git.invalid/pull/1', '--summary', 'All of it'];
    expect(await gt(args)).toEqual({
      code: 0,
      stdout: 'bead-1 is done. Nothing is left to do: stop here.\n',
      stderr: '',
    });
    const head = await output('git', ['-C', dir, 'rev-parse', 'HEAD']);
    expect(await output('git', ['ls-remote', gitUrl, 'refs/heads/gt/a/bead-1'])).toContain(head);
    expect(await gt(args)).toMatchObject({ code: 0 });
    const message = {
      life: control.life,
      rig: 'rig',
      agent: 'a',
      bead: 'bead-1',
      branch: 'gt/a/bead-1',
      head,
      prUrl: 'https://git.invalid/pull/1',
      summary: 'All of it',
    };
    expect(worker.bodies('done')).toEqual([message, message]);
  });

  test('is refused while something is not committed, unless that is discarded', async () => {
    const { worker, gt, dir } = await townWithAgent(async (made) => void (await withRemote(made)));
    await writeFile(join(dir, 'forgotten.txt'), '');
    const refused = await gt(['done']);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^gt: uncommitted: .*forgotten\.txt.*\nWhat to do: Commit what belongs/),
    });
    expect(worker.bodies('done')).toEqual([]);
    expect(await gt(['done', '--discard'])).toMatchObject({ code: 0 });
    expect(await readFile(join(dir, 'forgotten.txt'), 'utf8')).toBe('');
    expect(worker.bodies('done')).toHaveLength(1);
  });

  test('is refused when the remote does not take the push', async () => {
    const { worker, gt } = await townWithAgent();
    const said = await gt(['done']);
    expect(said.code).toBe(1);
    expect(worker.bodies('done')).toEqual([]);
  });

  test('is refused with a PR address that is none', async () => {
    const { gt } = await townWithAgent(async (made) => void (await withRemote(made)));
    expect(await gt(['done', '--pr-url', 'javascript:1'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/invalid_request: prUrl/),
    });
  });

  test('commits what is not committed with --wip, and pushes it', async () => {
    let gitUrl = '';
    const { worker, gt, dir } = await townWithAgent(async (made) => {
      gitUrl = await withRemote(made);
    });
    await writeFile(join(dir, 'half.txt'), 'half');
    expect(await gt(['done', '--wip'])).toMatchObject({ code: 0 });
    const head = await output('git', ['-C', dir, 'rev-parse', 'HEAD']);
    expect(await output('git', ['ls-remote', gitUrl, 'refs/heads/gt/a/bead-1'])).toContain(head);
    expect(await output('git', ['-C', dir, 'show', '--name-only', '--format=%an %s'])).toBe(
      'a wip: what bead-1 left uncommitted\n\nhalf.txt',
    );
    expect(worker.bodies('done')).toMatchObject([{ head }]);
  });

  test('commits nothing with --wip in the middle of a merge', async () => {
    const { worker, gt, dir } = await townWithAgent(async (made) => void (await withRemote(made)));
    const head = await output('git', ['-C', dir, 'rev-parse', 'HEAD']);
    await writeFile(join(dir, 'half.txt'), 'half');
    const admin = await output('git', ['-C', dir, 'rev-parse', '--absolute-git-dir']);
    await writeFile(join(admin, 'MERGE_HEAD'), `${head}\n`);
    expect((await gt(['done', '--wip'])).stderr).toMatch(/^gt: uncommitted: .*merge/);
    expect(await output('git', ['-C', dir, 'rev-parse', 'HEAD'])).toBe(head);
    expect(worker.bodies('done')).toEqual([]);
  });

  test('tells the Worker before it pushes, and takes that back where the push fails', async () => {
    const { worker, gt, dir } = await townWithAgent();
    const head = await output('git', ['-C', dir, 'rev-parse', 'HEAD']);
    expect((await gt(['done', '--summary', 'All of it'])).code).toBe(1);
    expect(worker.bodies('finishing').map(({ finishing }) => finishing)).toEqual([
      { head, prUrl: null, summary: 'All of it', discard: false },
      null,
    ]);
  });
});

describe('a done that the end of the container cut off', () => {
  const intent = { prUrl: null, summary: 'All of it', discard: false };

  async function townWithWorktree() {
    const worker = await startFakeWorker();
    const control = await startControl(worker.url);
    const dir = await makeWorktree(control.workspace, 'a');
    const gitUrl = await withRemote(dir);
    const head = await output('git', ['-C', dir, 'rev-parse', 'HEAD']);
    return { worker, control, dir, gitUrl, head };
  }

  test('is completed without the agent', async () => {
    const { worker, control, dir, gitUrl, head } = await townWithWorktree();
    await control.start('a', { command: 'touch ran', finishing: { ...intent, head } });
    expect(await worker.call('done')).toMatchObject({ bead: 'bead-1', head, summary: 'All of it' });
    expect((await worker.call('exit')).exit.code).toBe(0);
    expect(await output('git', ['ls-remote', gitUrl, 'refs/heads/gt/a/bead-1'])).toContain(head);
    expect(await output('ls', [dir])).toBe('');
  });

  test.each([
    ['HEAD has moved since', 'git commit --quiet --allow-empty --message more'],
    ['something is not committed', 'touch new.txt'],
    ['the remote does not take the push', 'git remote remove origin'],
  ])('starts the agent instead where %s', async (_, change) => {
    const { worker, control, dir, head } = await townWithWorktree();
    await output('sh', [
      '-c',
      `cd "$1" && export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a.invalid && \
      export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a.invalid && ${change}`,
      'sh',
      dir,
    ]);
    await control.start('a', { command: 'echo decides anew', finishing: { ...intent, head } });
    expect((await worker.call('exit')).exit.tail).toContain('decides anew');
    expect(worker.bodies('done')).toEqual([]);
    expect(worker.bodies('finishing').at(-1)?.finishing).toBeNull();
  });

  test('starts the agent as well where the Worker cannot be told', async () => {
    const { worker, control, head } = await townWithWorktree();
    worker.answer('done', () => problem('bead_not_hooked'));
    await control.start('a', { command: 'echo decides anew', finishing: { ...intent, head } });
    expect((await worker.call('exit')).exit.tail).toContain('decides anew');
  });
});
