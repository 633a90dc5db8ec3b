import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRepository } from '../../dev/git-server/repository.ts';
import { git } from '../../dev/git-server/git-command.ts';
import { z } from 'zod';
import { until } from '../../dev/client.ts';
import { openWorld, PATIENCE_MS, sling, untilAgent, untilRecovered } from './world.ts';
import type { World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

function requestsFor(name: string): number {
  return world.git.requests.filter(({ repo }) => repo === name).length;
}

describe('rigs whose repository cannot be had', () => {
  it('git auth, git 404: fail with their reason, are not retried, and hold no other rig back', async () => {
    const town = world.town('mixed');
    await town.call('PUT', '', { agentCommand: 'sleep 600' });
    const good = await createRepository(world.git, 'good', { from: import.meta.dirname });
    await createRepository(world.git, 'locked', { from: import.meta.dirname });
    world.git.setFault('locked', { status: 401 });
    const urls: Record<string, string> = {
      good,
      missing: `${world.git.url}/missing.git`,
      locked: `${world.git.url}/locked.git`,
      page: `${world.relight.urlForContainers}/healthz`,
    };
    for (const [rig, gitUrl] of Object.entries(urls)) await town.call('PUT', `/rigs/${rig}`, { gitUrl });
    for (const rig of Object.keys(urls)) await sling(town, rig, `a-${rig}`, 'bead');
    await untilAgent(town, 'good', 'a-good', 'working');
    await untilRecovered(town, 1);
    // The first recovery began when the first bead was slung; a replay is of all of them.
    const asked = requestsFor('missing');
    const recoveryId = z
      .object({ recoveryId: z.string() })
      .parse(await town.call('POST', '/recoveries', {})).recoveryId;
    const recovery = await until('the replay has ended', PATIENCE_MS, async () => {
      const found = (await town.recoveries()).find((each) => each.recoveryId === recoveryId);
      return found === undefined || found.status === 'running' ? null : found;
    });
    const byRig = Object.fromEntries(recovery.rigs.map((rig) => [rig.rig, rig]));
    expect(recovery.status).toBe('partial');
    expect(byRig.missing).toMatchObject({
      status: 'failed',
      fault: { code: 'git_not_found', retryable: false },
    });
    expect(byRig.locked).toMatchObject({ status: 'failed', fault: { code: 'git_auth', retryable: false } });
    expect(byRig.page).toMatchObject({ status: 'failed', fault: { retryable: false } });
    expect(requestsFor('missing') - asked).toBeLessThanOrEqual(2);
    expect(await town.agent('missing', 'a-missing')).toMatchObject({ status: 'pending', attempts: 0 });
    expect((await town.agent('missing', 'a-missing')).fault?.code).toBe('git_not_found');
    await town.call('DELETE', '');
  });

  it('git DNS: are tried again when the cause may pass', async () => {
    const town = world.town('nowhere');
    await town.call('PUT', '', { agentCommand: 'sleep 600' });
    await town.call('PUT', '/rigs/nowhere', { gitUrl: 'http://does-not-exist.invalid/x.git' });
    await sling(town, 'nowhere', 'ada', 'bead');
    const tries = await until('the reason is shown, and the rig is tried again', PATIENCE_MS, async () => {
      const [recovery] = await town.recoveries();
      const asked = recovery?.rigs[0]?.phases.filter(({ name }) => name === 'ask').length ?? 0;
      return recovery?.rigs[0]?.fault?.code === 'git_dns' && asked > 1 ? asked : null;
    });
    expect(tries).toBeGreaterThan(1);
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
