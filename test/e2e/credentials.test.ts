import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRepository } from '../../dev/git-server/repository.ts';
import { openWorld, sling, untilAgent, untilRecovered } from './world.ts';
import type { World } from './world.ts';

// Put together at run time, so that this file, which the repository holds too, does not contain it.
const TOKEN = ['planted', '5f0c1e', 'token'].join('-');

let world: World;
beforeAll(async () => {
  world = await openWorld({
    auth: (repo, _user, password) => repo === 'open' || password === TOKEN,
    secrets: { GIT_CREDENTIAL_HOST: TOKEN },
  });
});
afterAll(() => world.close());

describe('invariant 10: the credential of a rig', () => {
  it('clones, fetches and pushes, and is found on no disk, in no argument, environment, answer or log', async () => {
    const town = world.town('locked');
    const work =
      'env > seen.env; echo hi > a.txt && git add a.txt && git commit -qm one && git push -q origin HEAD; sleep 600';
    await town.call('PUT', '', { agentCommand: work });
    const gitUrl = await createRepository(world.git, 'private', { from: import.meta.dirname });
    await town.call('PUT', '/rigs/private', { gitUrl, credential: 'HOST' });
    await sling(town, 'private', 'ada', 'bead');
    await untilAgent(town, 'private', 'ada', 'working');
    const recovery = await untilRecovered(town, 1);
    await expect
      .poll(
        () =>
          world.git.requests.some(
            ({ service, step }) => service === 'git-receive-pack' && step === 'transfer',
          ),
        {
          timeout: 20_000,
        },
      )
      .toBe(true);

    expect(JSON.stringify(recovery)).not.toContain(TOKEN);
    expect(world.output.join('\n')).not.toContain(TOKEN);
    expect(await filesWith(TOKEN, world.dir)).toEqual([]);
    expect(await filesWith(TOKEN, world.relight.engine.containers()[0]?.dir ?? '')).toEqual([]);
    const { stdout: processes } = await execa`ps axww -o args`;
    expect(processes).not.toContain(TOKEN);
    await town.call('DELETE', '');
  });

  it('credential not set: is missed with its name', async () => {
    const town = world.town('unset');
    await town.call('PUT', '', { agentCommand: 'true' });
    const gitUrl = `${world.git.url}/private.git`;
    await town.call('PUT', '/rigs/private', { gitUrl, credential: 'OTHER' });
    await sling(town, 'private', 'ada', 'bead');
    const recovery = await untilRecovered(town, 1);
    expect(recovery.rigs[0]).toMatchObject({ status: 'failed' });
    expect(recovery.rigs[0]?.fault?.reason).toContain('GIT_CREDENTIAL_OTHER');
    await town.call('DELETE', '');
  });
});

/** The files below `dir` that contain `text`, binary ones too. */
async function filesWith(text: string, dir: string): Promise<string[]> {
  expect(dir).not.toBe('');
  const { stdout, exitCode } = await execa({ reject: false })`grep -rla ${text} ${dir}`;
  expect(exitCode).toBeLessThanOrEqual(1);
  return stdout === '' ? [] : stdout.split('\n');
}
