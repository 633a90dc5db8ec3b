import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRepository } from '../../dev/git-server/repository.ts';
import { git } from '../../dev/git-server/git-command.ts';
import { openWorld, sling, untilAgent, untilRecovered } from './world.ts';
import type { World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

describe('rigs whose repository cannot be had', () => {
  it('fail with their reason, are not retried when that is useless, and hold no other rig back', async () => {
    const town = world.town('mixed');
    await town.call('PUT', '', { agentCommand: 'sleep 600' });
    const good = await createRepository(world.git, 'good', { from: import.meta.dirname });
    await createRepository(world.git, 'locked', { from: import.meta.dirname });
    world.git.setFault('locked', { status: 401 });
    const urls: Record<string, string> = {
      good,
      missing: `${world.git.url}/missing.git`,
      locked: `${world.git.url}/locked.git`,
      nowhere: 'http://does-not-exist.invalid/x.git',
      page: `${world.relight.url}/healthz`,
    };
    for (const [rig, gitUrl] of Object.entries(urls)) await town.call('PUT', `/rigs/${rig}`, { gitUrl });
    for (const rig of Object.keys(urls)) await sling(town, rig, `a-${rig}`, 'bead');
    await untilAgent(town, 'good', 'a-good', 'working');
    const recovery = await untilRecovered(town, 1);
    const byRig = Object.fromEntries(recovery.rigs.map((rig) => [rig.rig, rig]));
    expect(recovery.status).toBe('partial');
    expect(byRig.missing).toMatchObject({
      status: 'failed',
      fault: { code: 'git_not_found', retryable: false },
    });
    expect(byRig.locked).toMatchObject({ status: 'failed', fault: { code: 'git_auth', retryable: false } });
    expect(byRig.page).toMatchObject({ status: 'failed', fault: { retryable: false } });
    expect(byRig.nowhere).toMatchObject({ status: 'failed', fault: { code: 'git_dns' } });
    expect(world.git.requests.filter(({ repo }) => repo === 'missing').length).toBeLessThanOrEqual(2);
    expect(await town.agent('missing', 'a-missing')).toMatchObject({ status: 'pending', attempts: 0 });
    expect((await town.agent('missing', 'a-missing')).fault?.code).toBe('git_not_found');
    await town.call('DELETE', '');
  });

  it('come back when the operator replays their recovery after mending the cause', async () => {
    const town = world.town('mended');
    await town.call('PUT', '', { agentCommand: 'sleep 600' });
    await town.call('PUT', '/rigs/late', { gitUrl: `${world.git.url}/late.git` });
    await sling(town, 'late', 'ada', 'bead');
    expect((await untilRecovered(town, 1)).status).toBe('failed');
    await createRepository(world.git, 'late', { from: import.meta.dirname });
    await town.call('POST', '/recoveries', { rigs: ['late'] });
    await untilAgent(town, 'late', 'ada', 'working');
    await town.call('DELETE', '');
  });
});

describe('an empty repository', () => {
  it('gives its agent an unborn branch, whose first commit is pushed and done', async () => {
    const url = await createRepository(world.git, 'empty', { defaultBranch: 'trunk' });
    const town = world.town('blank');
    const steps =
      'echo hello > a.txt && git add -A && git commit -qm first && git push -q origin HEAD && gt done';
    await town.call('PUT', '', { agentCommand: steps });
    await town.call('PUT', '/rigs/empty', { gitUrl: url });
    await sling(town, 'empty', 'ada', 'first');
    await untilAgent(town, 'empty', 'ada', 'idle');
    const log = await git(['ls-remote', url, 'refs/heads/gt/ada/first']);
    expect(log).toContain('refs/heads/gt/ada/first');
    await town.call('DELETE', '');
  });
});
