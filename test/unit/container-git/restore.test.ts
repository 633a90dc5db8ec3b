import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { RigReport } from '../../../src/contract/recovery.ts';
import type { Phase } from '../../../src/contract/recovery.ts';
import { sceneTest as it } from './scene-test.ts';
import { planFor, run, write } from './scene.ts';

describe.concurrent('restoring a rig onto an empty disk', () => {
  it("checks out the agent's own remote branch, even when a base branch is planned", async ({ scene }) => {
    const head = scene.push('gt/ada/b1', { 'work.txt': 'pushed\n' });
    scene.push('main', { 'later.txt': 'x\n' });
    const report = await scene.restoreOne(planFor('ada', { baseBranch: 'main' }));
    expect(report).toMatchObject({
      head,
      from: 'remote',
      snapshot: 'none',
      files: 3,
      fault: null,
      warnings: [],
    });
    expect(readFileSync(join(scene.dir('ada'), 'work.txt'), 'utf8')).toBe('pushed\n');
    expect(run(scene.dir('ada'), 'branch', '--show-current')).toBe('gt/ada/b1');
    expect(run(scene.dir('ada'), 'status', '--porcelain')).toBe('');
  });

  it('brings eight agents back at once, each on its branch, and tells of every phase and agent', async ({
    scene,
  }) => {
    const agents = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const main = scene.remoteHead('main');
    const head = scene.push('gt/c/b1', { 'c.txt': 'c\n' });
    const phases: Phase[] = [];
    const told: string[] = [];
    const report = await scene.restore(
      agents.map((agent) => planFor(agent)),
      {},
      { onPhase: (phase) => phases.push(phase), onAgent: ({ agent }) => told.push(agent) },
    );
    expect(RigReport.parse(report)).toEqual(report);
    expect(report).toMatchObject({ status: 'ready', fault: null });
    expect(report.agents.map(({ head }) => head)).toEqual(
      agents.map((agent) => (agent === 'c' ? head : main)),
    );
    expect(told.sort()).toEqual(agents);
    expect(report.phases).toEqual(phases);
    expect(phases.map(({ name }) => name).slice(0, 2)).toEqual(['list refs', 'fetch']);
    expect(phases.filter(({ name }) => name === 'worktree').map((phase) => phase.agent)).toHaveLength(8);
    for (const phase of phases) expect(phase).toMatchObject({ ok: true, work: 'git' });
    for (const agent of agents) {
      expect(run(scene.dir(agent), 'config', `branch.gt/${agent}/b1.merge`)).toBe(
        `refs/heads/gt/${agent}/b1`,
      );
    }
  });

  it('starts an absent branch from its base branch and says so', async ({ scene }) => {
    const head = scene.push('release', { 'r.txt': 'r\n' });
    scene.push('main', { 'm.txt': 'm\n' });
    const report = await scene.restoreOne(planFor('ada', { baseBranch: 'release' }));
    expect(report).toMatchObject({ head, from: 'base', fault: null });
    expect(report.warnings).toEqual(['the remote has no branch gt/ada/b1: it was started from release']);
  });

  it("prefers the rig's default branch to the remote's", async ({ scene }) => {
    const head = scene.push('develop', { 'd.txt': 'd\n' });
    expect(await scene.restoreOne(planFor('ada'), { defaultBranch: 'develop' })).toMatchObject({ head });
  });

  it('missing branch: faults an agent whose base branch is missing, and no other', async ({ scene }) => {
    const report = await scene.restore([planFor('ada', { baseBranch: 'nowhere' }), planFor('bob')]);
    expect(report.status).toBe('partial');
    expect(report.agents[0]?.fault).toMatchObject({ code: 'missing_base', retryable: false });
    expect(report.agents[1]?.fault).toBeNull();
    expect(existsSync(scene.dir('ada'))).toBe(false);
  });

  it('is ready without any agent, and failed when then the remote cannot be asked', async ({ scene }) => {
    expect(await scene.restore([])).toMatchObject({ status: 'ready', agents: [], fault: null });
    expect(await scene.restore([], { gitUrl: join(scene.root, 'gone.git') })).toMatchObject({
      status: 'failed',
    });
  });

  it('set-up failed: runs the setup command once per new worktree, and again only where it failed', async ({
    scene,
  }) => {
    const ran: string[] = [];
    const runSetup = async (agent: string, dir: string): Promise<void> => {
      expect(existsSync(join(dir, 'README.md'))).toBe(true);
      ran.push(agent);
      if (agent === 'bob' && ran.filter((name) => name === 'bob').length === 1)
        throw new Error('npm ci failed');
    };
    const plans = [planFor('ada'), planFor('bob')];
    const first = await scene.restore(plans, { setupCommand: 'npm ci' }, { runSetup });
    expect(first.status).toBe('partial');
    expect(first.agents[1]?.fault).toMatchObject({ code: 'setup_failed', reason: 'npm ci failed' });
    const setups = first.phases.filter(({ work }) => work === 'setup');
    expect(setups.filter(({ ok }) => ok)).toHaveLength(1);
    expect(setups).toHaveLength(2);
    const second = await scene.restore(plans, { setupCommand: 'npm ci' }, { runSetup });
    expect(second).toMatchObject({ status: 'ready' });
    expect(ran.sort()).toEqual(['ada', 'bob', 'bob']);
    await scene.restore(plans, { setupCommand: 'npm ci' }, { runSetup });
    expect(ran).toHaveLength(3);
  });

  it('stops when it is told to, with a fault that may pass', async ({ scene }) => {
    const stop = new AbortController();
    const onPhase = (): void => stop.abort();
    const report = await scene.restore([planFor('ada')], {}, { onPhase, signal: stop.signal });
    expect(report).toMatchObject({ status: 'failed', fault: { code: 'draining', retryable: true } });
    expect(await scene.restoreOne(planFor('ada'))).toMatchObject({ fault: null });
  });
});

describe.concurrent('what an agent can do in its worktree', () => {
  it('pushes, pulls and fetches plainly on its branch, and sees it on the remote', async ({ scene }) => {
    await scene.restore([planFor('ada'), planFor('bob')]);
    const dir = scene.dir('ada');
    run(dir, 'fetch');
    write(dir, { 'a.txt': 'a\n' });
    run(dir, 'add', '.');
    run(dir, 'commit', '--quiet', '-m', 'work');
    run(dir, 'push');
    expect(scene.remoteHead('gt/ada/b1')).toBe(run(dir, 'rev-parse', 'HEAD'));
    expect(run(dir, 'rev-parse', 'origin/gt/ada/b1')).toBe(run(dir, 'rev-parse', 'HEAD'));
    run(scene.colleague, 'fetch', '--quiet');
    const theirs = scene.push('gt/ada/b1', { 'b.txt': 'b\n' }, 'origin/gt/ada/b1');
    run(dir, 'pull');
    expect(run(dir, 'rev-parse', 'HEAD')).toBe(theirs);
  });

  it('may set the upstream itself without making it ambiguous', async ({ scene }) => {
    await scene.restore([planFor('ada')]);
    const dir = scene.dir('ada');
    run(dir, 'push', '--set-upstream', 'origin', 'HEAD');
    await scene.restore([planFor('ada'), planFor('bob')]);
    run(dir, 'commit', '--quiet', '--allow-empty', '-m', 'more');
    run(dir, 'push');
    run(dir, 'pull');
    expect(scene.remoteHead('gt/ada/b1')).toBe(run(dir, 'rev-parse', 'HEAD'));
  });

  it('keeps its fetches and pushes when another agent is restored alone, or a branch is deleted', async ({
    scene,
  }) => {
    await scene.restore([planFor('ada')]);
    run(scene.dir('ada'), 'push');
    await scene.restore([planFor('bob')]);
    run(scene.dir('bob'), 'push');
    run(scene.colleague, 'push', '--quiet', 'origin', ':gt/bob/b1');
    run(scene.dir('ada'), 'fetch');
    run(scene.dir('ada'), 'commit', '--quiet', '--allow-empty', '-m', 'more');
    run(scene.dir('ada'), 'push');
    expect(run(scene.dir('ada'), 'rev-parse', 'origin/gt/ada/b1')).toBe(scene.remoteHead('gt/ada/b1'));
  });

  it('fetches only the followed branches', async ({ scene }) => {
    scene.push('someone/else', { 'else.txt': 'x\n' });
    await scene.restore([planFor('ada')]);
    run(scene.dir('ada'), 'fetch');
    const refs = run(scene.repo, 'for-each-ref', '--format=%(refname)', 'refs/remotes');
    expect(refs).toBe('refs/remotes/origin/main');
  });

  it('has the whole history of its base to merge and rebase on', async ({ scene }) => {
    await scene.restore([planFor('ada')]);
    scene.push('main', { 'later.txt': 'x\n' });
    run(scene.dir('ada'), 'fetch');
    run(scene.dir('ada'), 'commit', '--quiet', '--allow-empty', '-m', 'mine');
    run(scene.dir('ada'), 'rebase', 'origin/main');
    expect(run(scene.dir('ada'), 'rev-list', '--count', 'HEAD')).toBe('3');
  });

  it('follows a rig whose address has changed', async ({ scene }) => {
    await scene.restore([planFor('ada')]);
    const moved = join(scene.remotes, 'moved.git');
    run(scene.remotes, 'clone', '--quiet', '--bare', scene.remote, moved);
    scene.url = moved;
    await scene.restore([planFor('ada')]);
    expect(run(scene.dir('ada'), 'remote', 'get-url', 'origin')).toBe(moved);
  });
});
