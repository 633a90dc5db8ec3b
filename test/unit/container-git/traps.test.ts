import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { sceneTest as it } from './scene-test.ts';
import { planFor, run, write } from './scene.ts';

const ABSENT = '1234567890123456789012345678901234567890';

describe.concurrent('traps of git that a restore steps over', () => {
  it('one missing ref: the others are fetched', async ({ scene }) => {
    const head = scene.push('gt/bob/b1', { 'b.txt': 'b\n' });
    const report = await scene.restore([planFor('ada'), planFor('bob')]);
    expect(report.agents.map(({ from, fault }) => [from, fault])).toEqual([
      ['base', null],
      ['remote', null],
    ]);
    expect(report.agents[1]?.head).toBe(head);
  });

  it('a branch that vanishes between the listing and the fetch: the remote is asked again', async ({
    scene,
  }) => {
    scene.push('gt/ada/b1', { 'a.txt': 'a\n' });
    scene.push('gt/bob/b1', { 'b.txt': 'b\n' }, 'main');
    let deleted = false;
    const onPhase = (): void => {
      if (deleted) return;
      deleted = true;
      run(scene.remote, 'update-ref', '-d', 'refs/heads/gt/ada/b1');
      run(scene.remote, 'prune', '--expire=now');
    };
    const report = await scene.restore([planFor('ada'), planFor('bob')], {}, { onPhase });
    expect(report.status).toBe('ready');
    expect(report.agents.map(({ from }) => from)).toEqual(['base', 'remote']);
  });

  it('a damaged branch holds only its own agent back', async ({ scene }) => {
    const bad = scene.push('gt/ada/b1', { 'a.txt': 'damaged\n' });
    scene.push('gt/bob/b1', { 'b.txt': 'b\n' }, 'main');
    const tree = run(scene.remote, 'rev-parse', `${bad}^{tree}`);
    rmSync(join(scene.remote, 'objects', tree.slice(0, 2), tree.slice(2)));
    const report = await scene.restore([planFor('ada'), planFor('bob')]);
    expect(report.status).toBe('partial');
    expect(report.fault).toBeNull();
    expect(report.agents[0]?.fault).not.toBeNull();
    expect(report.agents[1]).toMatchObject({ from: 'remote', fault: null });
    const again = await scene.restore([planFor('ada'), planFor('bob')]);
    expect(again).toMatchObject({ status: 'partial', fault: null });
    expect(again.agents[0]?.fault?.code).toBe('git_server');
  });

  it('commit not on the remote: a lost checkpoint is named', async ({ scene }) => {
    const report = await scene.restoreOne(planFor('ada', { checkpointHead: ABSENT }));
    expect(report.fault).toBeNull();
    expect(report.lost).toEqual([
      `commit ${ABSENT} named by the last checkpoint is neither on the remote nor in a snapshot`,
    ]);
  });

  it('a checkpoint commit that is in the branch, or still on the remote, is not lost', async ({ scene }) => {
    const first = scene.push('gt/ada/b1', { 'a.txt': '1\n' });
    scene.push('gt/ada/b1', { 'a.txt': '2\n' });
    const inBranch = await scene.restoreOne(planFor('ada', { checkpointHead: first }));
    expect(inBranch).toMatchObject({ lost: [], warnings: [] });
    const other = scene.push('elsewhere', { 'e.txt': 'e\n' }, 'main');
    const report = await scene.restoreOne(planFor('bob', { checkpointHead: other }));
    expect(report.lost).toEqual([]);
    expect(report.warnings.join()).toContain('refs/relight/kept/bob/1');
    expect(run(scene.repo, 'rev-parse', 'refs/relight/kept/bob/1')).toBe(other);
  });

  it('branch held by another worktree: a clear fault for the second agent only', async ({ scene }) => {
    const plans = [planFor('ada', { branch: 'shared' }), planFor('bob', { branch: 'shared' })];
    const report = await scene.restore(plans);
    expect(report.status).toBe('partial');
    expect(report.agents[0]?.fault).toBeNull();
    expect(report.agents[1]?.fault).toMatchObject({
      code: 'git_ref_conflict',
      reason: 'shared is checked out in the worktree ada',
    });
  });

  it('branch there, directory gone: the branch is used again', async ({ scene }) => {
    await scene.restore([planFor('ada')]);
    rmSync(scene.dir('ada'), { recursive: true });
    expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ fault: null, from: 'base' });
    expect(run(scene.repo, 'worktree', 'list').split('\n')).toHaveLength(2);
  });

  it('branch there with commits that the remote lacks, directory gone: the commits are kept', async ({
    scene,
  }) => {
    await scene.restore([planFor('ada')]);
    run(scene.dir('ada'), 'commit', '--quiet', '--allow-empty', '-m', 'unpushed');
    const head = run(scene.dir('ada'), 'rev-parse', 'HEAD');
    rmSync(scene.dir('ada'), { recursive: true });
    const report = await scene.restoreOne(planFor('ada'));
    expect(report).toMatchObject({ head, from: 'kept', snapshot: 'none', fault: null });
    expect(report.warnings.join()).toContain('1 commit(s) that the remote lacks');
  });

  it('moved branch: there and pushed, moved back on the remote since: its commits are kept', async ({
    scene,
  }) => {
    await scene.restore([planFor('ada')]);
    const dir = scene.dir('ada');
    run(dir, 'commit', '--quiet', '--allow-empty', '-m', 'pushed');
    run(dir, 'push');
    const head = run(dir, 'rev-parse', 'HEAD');
    rmSync(dir, { recursive: true });
    run(scene.remote, 'update-ref', '-d', 'refs/heads/gt/ada/b1');
    expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ head, from: 'kept', fault: null });
  });

  it('branch there and behind the remote, directory gone: it starts where the remote is', async ({
    scene,
  }) => {
    await scene.restore([planFor('ada')]);
    run(scene.dir('ada'), 'push');
    rmSync(scene.dir('ada'), { recursive: true });
    const head = scene.push('gt/ada/b1', { 'n.txt': 'n\n' }, 'main');
    expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ head, from: 'remote', warnings: [] });
  });

  it('default branch held by a worktree: no quarrel with the repository itself', async ({ scene }) => {
    const report = await scene.restore([planFor('ada', { branch: 'main' }), planFor('bob')]);
    expect(report).toMatchObject({ status: 'ready' });
    expect(run(scene.dir('ada'), 'branch', '--show-current')).toBe('main');
  });

  it('fetch into a checked-out branch: the remote moves on, the worktree does not', async ({ scene }) => {
    const head = scene.push('gt/ada/b1', { 'a.txt': 'a\n' });
    await scene.restore([planFor('ada')]);
    const later = scene.push('gt/ada/b1', { 'a.txt': 'later\n' });
    expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ head, from: 'kept', fault: null });
    expect(readFileSync(join(scene.dir('ada'), 'a.txt'), 'utf8')).toBe('a\n');
    expect(run(scene.repo, 'rev-parse', 'refs/remotes/origin/gt/ada/b1')).toBe(later);
  });

  it('branch name in the way: of two agents, a fault for the second only', async ({ scene }) => {
    const plans = [planFor('ada', { branch: 'topic' }), planFor('bob', { branch: 'topic/part' })];
    const report = await scene.restore(plans);
    expect(report.agents[0]?.fault).toBeNull();
    expect(report.agents[1]?.fault).toMatchObject({ code: 'git_ref_conflict', retryable: false });
  });

  it('branch name in the way: a branch of the remote, seen before anything is made', async ({ scene }) => {
    scene.push('topic', { 't.txt': 't\n' });
    const report = await scene.restore([planFor('ada', { branch: 'topic/part' })]);
    expect(report.agents[0]?.fault).toMatchObject({
      code: 'git_ref_conflict',
      reason: 'the remote has a branch topic, so there can be no topic/part',
    });
  });

  it('a remote branch replaced by one below its name is fetched', async ({ scene }) => {
    scene.push('gt/ada', { 'a.txt': 'a\n' });
    await scene.restore([planFor('bob', { branch: 'gt/ada' })]);
    rmSync(scene.dir('bob'), { recursive: true });
    run(scene.remote, 'update-ref', '-d', 'refs/heads/gt/ada');
    run(scene.repo, 'worktree', 'prune');
    run(scene.repo, 'update-ref', '-d', 'refs/heads/gt/ada');
    run(scene.remote, 'update-ref', 'refs/heads/gt/ada/b1', 'main');
    expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ from: 'remote', fault: null });
  });

  it('LFS filter set, git-lfs missing: files are pointers, and the report says so', async ({ scene }) => {
    scene.push('main', { '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n' });
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n';
    scene.push('main', { 'big.bin': pointer });
    await scene.restore([]);
    for (const [key, value] of [
      ['filter.lfs.process', 'git-lfs filter-process'],
      ['filter.lfs.required', 'true'],
    ] as const) {
      run(scene.repo, 'config', key, value);
    }
    const report = await scene.restoreOne(planFor('ada'));
    expect(report.fault).toBeNull();
    expect(report.warnings.join()).toContain('git-lfs is not installed');
    expect(readFileSync(join(scene.dir('ada'), 'big.bin'), 'utf8')).toBe(pointer);
  });

  it('submodules: named in the report', async ({ scene }) => {
    const lib = join(scene.remotes, 'lib.git');
    run(scene.remotes, 'clone', '--quiet', '--bare', scene.remote, lib);
    const allow = ['-c', 'protocol.file.allow=always'];
    run(scene.colleague, ...allow, 'submodule', '--quiet', 'add', lib, 'vendor/lib');
    scene.push('main', {});
    const report = await scene.restoreOne(planFor('ada'));
    expect(report.fault).toBeNull();
    expect(report.warnings).toContain('submodules were not checked out: vendor/lib');
  });

  it('files that differ right after their checkout are a warning, not a fault', async ({ scene }) => {
    write(scene.colleague, { 'dos.txt': 'one\r\ntwo\r\n' });
    run(scene.colleague, 'add', '.');
    run(scene.colleague, 'commit', '--quiet', '-m', 'dos');
    scene.push('main', { '.gitattributes': '*.txt text eol=lf\n' });
    const report = await scene.restoreOne(planFor('ada'));
    expect(report.fault).toBeNull();
    expect(report.files).toBe(4);
  });

  it('a folder that is not ours is moved aside and named', async ({ scene }) => {
    write(scene.dir('ada'), { 'notes.txt': 'precious\n' });
    const report = await scene.restoreOne(planFor('ada'));
    expect(report).toMatchObject({ fault: null, from: 'base' });
    expect(report.warnings.join()).toContain('ada.found-1');
    expect(readFileSync(join(scene.dir('ada.found-1'), 'notes.txt'), 'utf8')).toBe('precious\n');
  });

  it('a worktree whose HEAD is damaged is moved aside with its files', async ({ scene }) => {
    await scene.restore([planFor('ada')]);
    write(scene.dir('ada'), { 'notes.txt': 'precious\n' });
    writeFileSync(join(scene.repo, 'worktrees', 'ada', 'HEAD'), 'garbage\n');
    const report = await scene.restoreOne(planFor('ada'));
    expect(report).toMatchObject({ fault: null, from: 'base' });
    expect(existsSync(join(scene.dir('ada.found-1'), 'notes.txt'))).toBe(true);
    expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ fault: null, from: 'kept' });
  });
});

describe.concurrent('repositories of unusual shape', () => {
  it('default branch trunk', async ({ makeScene }) => {
    const scene = makeScene({ defaultBranch: 'trunk' });
    const report = await scene.restoreOne(planFor('ada'));
    expect(report).toMatchObject({ head: scene.remoteHead('trunk'), from: 'base', fault: null });
    expect(report.warnings.join()).toContain('started from trunk');
  });

  it('empty repository: agents start on unborn branches, are kept, and can push', async ({ makeScene }) => {
    const scene = makeScene({ commits: false });
    const plans = [planFor('ada'), planFor('bob', { baseBranch: 'main' })];
    const report = await scene.restore(plans);
    expect(report.status).toBe('ready');
    for (const agent of report.agents) expect(agent).toMatchObject({ head: null, files: 0, from: 'base' });
    const dir = scene.dir('ada');
    write(dir, { 'first.txt': '1\n' });
    expect((await scene.restore(plans)).agents[0]).toMatchObject({ head: null, from: 'kept', warnings: [] });
    run(dir, 'add', '.');
    run(dir, 'commit', '--quiet', '-m', 'first');
    run(dir, 'push');
    expect(scene.remoteHead('gt/ada/b1')).toBe(run(dir, 'rev-parse', 'HEAD'));
    expect(run(dir, 'rev-list', '--count', 'HEAD')).toBe('1');
  });

  it('a repository with SHA-256 names', async ({ makeScene }) => {
    const scene = makeScene();
    const remote = join(scene.remotes, 'sha256.git');
    const clone = join(scene.root, 'sha256');
    run(scene.root, 'init', '--quiet', '--bare', '--initial-branch=main', '--object-format=sha256', remote);
    run(scene.root, 'init', '--quiet', '--initial-branch=main', '--object-format=sha256', clone);
    run(clone, 'commit', '--quiet', '--allow-empty', '-m', 'first');
    run(clone, 'push', '--quiet', remote, 'main');
    scene.url = remote;
    const report = await scene.restoreOne(planFor('ada'));
    expect(report).toMatchObject({ head: run(clone, 'rev-parse', 'HEAD'), fault: null });
  });

  it('a HEAD that names no branch: missing_base, unless the plan names one', async ({ scene }) => {
    run(scene.remote, 'symbolic-ref', 'HEAD', 'refs/heads/nowhere');
    const report = await scene.restore([planFor('ada'), planFor('bob', { baseBranch: 'main' })]);
    expect(report.agents[0]?.fault?.code).toBe('missing_base');
    expect(report.agents[1]?.fault).toBeNull();
  });
});
