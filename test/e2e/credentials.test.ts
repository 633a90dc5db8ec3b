import { execa } from 'execa';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TownClient, until } from '../../dev/client.ts';
import { createRepository } from '../../dev/git-server/repository.ts';
import { type SshGitServer, startSshGitServer } from '../../dev/git-server/ssh-server.ts';
import { filesWith, plant, processesOf, startGitHub } from './planted.ts';
import { worktreeOf } from './unpushed-work.ts';
import { diskOf, killContainer, openWorld, PATIENCE_MS, sling, untilAgent, untilRecovered } from './world.ts';
import type { World } from './world.ts';

const planted = plant();
/** One rig for each kind of credential, and the secret that it names. */
const CREDENTIALS = { token: 'TOKEN', app: 'APP', ssh: 'KEY' } as const;
const RIGS = ['token', 'app', 'ssh'] as const;

/** Once, it pushes one commit and leaves another unpushed; started again, it only waits. */
const WORK =
  'test -e b.txt || { touch a.txt && git add a.txt && git commit -qm pushed && git push -q origin HEAD && ' +
  'touch b.txt && git add b.txt && git commit -qm unpushed; }; echo waiting; exec sleep 600';

let world: World;
let sshHost: SshGitServer;
let gitHub: Awaited<ReturnType<typeof startGitHub>>;
let sshRoot: string;
let revoked = false;
beforeAll(async () => {
  sshRoot = await mkdtemp(join(tmpdir(), 'relight-ssh-'));
  gitHub = await startGitHub(planted.appToken);
  const allows = (publicKey: string): boolean => publicKey === planted.sshKey.publicKey;
  sshHost = await startSshGitServer({ rootDir: sshRoot, allows });
  const { privateKey: sshKey } = planted.sshKey;
  const app = { appId: 17, installationId: 4, privateKey: planted.appKey, apiUrl: gitHub.url };
  world = await openWorld({
    auth: (repo, _user, password) =>
      repo === 'app' ? password === planted.appToken : !revoked && password === planted.token,
    secrets: {
      GIT_CREDENTIAL_TOKEN: planted.token,
      GIT_CREDENTIAL_APP: JSON.stringify(app),
      GIT_CREDENTIAL_KEY: JSON.stringify({ sshKey, knownHosts: sshHost.knownHosts }),
      AGENT_SECRET_ACME: planted.apiKey,
    },
  });
});
afterAll(async () => {
  await world.close();
  await sshHost.close();
  gitHub.close();
  await rm(sshRoot, { recursive: true, force: true });
});

describe('invariant 10: the credential of a rig', () => {
  let town: TownClient;
  beforeAll(() => {
    town = world.town('locked');
  });

  it('clones, fetches and pushes for Relight and for agents, be it a token, a GitHub App or an ssh key', async () => {
    const agentSecrets = { ACME_KEY: 'ACME' };
    await town.call('PUT', '', { agentCommand: WORK, agentSecrets, snapshotIntervalSeconds: 2 });
    const committed = RIGS.map(async (rig) => {
      await createRepository(rig === 'ssh' ? sshRoot : world.git, rig, { from: import.meta.dirname });
      const gitUrl = `${rig === 'ssh' ? sshHost.url : world.git.url}/${rig}.git`;
      await town.call('PUT', `/rigs/${rig}`, { gitUrl, credential: CREDENTIALS[rig] });
      await sling(town, rig, 'ada', 'marked-bead');
      await untilAgent(town, rig, 'ada', 'working');
      await until(`${rig}/ada waits`, PATIENCE_MS, async () => {
        const log = String(await town.call('GET', `/rigs/${rig}/agents/ada/log`));
        return log.includes('waiting') ? true : null;
      });
      return (await execa({ cwd: worktreeOf(world, rig) })`git log -2 --format=%s%d`).stdout;
    });
    for (const log of await Promise.all(committed))
      expect(log).toMatch(/^unpushed \(HEAD.*\npushed \(origin/);
  });

  it('that was revoked fails its rig alone, with the reason, and nothing is lost until it is mended', async () => {
    await until('the unpushed commit is stored', PATIENCE_MS, async () =>
      (await town.agent('token', 'ada')).snapshot === null ? null : true,
    );
    revoked = true;
    killContainer(world);
    const recovery = await untilRecovered(town, 2);
    const status = Object.fromEntries(recovery.rigs.map((rig) => [rig.rig, rig.status]));
    expect(status).toEqual({ token: 'failed', app: 'ready', ssh: 'ready' });
    const fault = { code: 'git_auth', retryable: false };
    expect(await town.call('GET', '/rigs/token')).toMatchObject({ state: 'failed', fault });

    revoked = false;
    await town.call('POST', '/recoveries', { rigs: ['token'] });
    await untilAgent(town, 'token', 'ada', 'working');
    const { stdout } = await execa({ cwd: worktreeOf(world, 'token') })`git log -1 --format=%s`;
    expect(stdout).toBe('unpushed');
    for (const rig of RIGS) await untilAgent(town, rig, 'ada', 'working');
  });

  it('is found on no disk, in no argument, environment, answer, log or database', async () => {
    const disk = diskOf(world);
    const state = join(world.dir, 'state');
    // What was written down is found where it is looked for.
    expect(await filesWith(['marked-bead'], disk)).not.toEqual([]);
    const databases = await filesWith(['marked-bead'], state);
    expect(databases.filter((file) => file.includes('sqlite')).length).toBeGreaterThan(1);
    expect(await filesWith(['restore rig ssh'], state)).not.toEqual([]);

    const secrets = [...planted.pieces, planted.apiKey];
    expect(await filesWith(secrets, disk, world.dir)).toEqual([]);
    const answers = await Promise.all(
      [
        '',
        '/rigs',
        '/recoveries',
        ...RIGS.flatMap((rig) => [`/rigs/${rig}/agents/ada/log`, `/rigs/${rig}/agents/ada/prime`]),
      ].map(async (path) => JSON.stringify(await town.call('GET', path))),
    );
    const said = [...answers, ...world.output].join('\n');
    expect(said).toContain('agent.started');
    expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);
  });

  it('is shown by no process; an API key of an agent is in the environment of that agent only', async () => {
    const shown = processesOf(diskOf(world));
    const isAgents = (environment: string): boolean => environment.includes('GT_AGENT=');
    expect(shown.filter(({ environment }) => isAgents(environment)).length).toBeGreaterThanOrEqual(
      RIGS.length,
    );
    expect(shown.filter(({ environment }) => !isAgents(environment)).length).toBeGreaterThan(0);
    for (const { args, environment } of shown) {
      expect(planted.pieces.filter((piece) => (args + environment).includes(piece))).toEqual([]);
      expect(args).not.toContain(planted.apiKey);
      expect(environment.includes(planted.apiKey)).toBe(isAgents(environment));
    }
    await town.call('DELETE', '');
  });

  it('credential not set: is missed with its name', async () => {
    const unset = world.town('unset');
    await unset.call('PUT', '', { agentCommand: 'true' });
    await unset.call('PUT', '/rigs/token', { gitUrl: `${world.git.url}/token.git`, credential: 'OTHER' });
    await sling(unset, 'token', 'ada', 'bead');
    const recovery = await untilRecovered(unset, 1);
    expect(recovery.rigs[0]).toMatchObject({ status: 'failed' });
    expect(recovery.rigs[0]?.fault?.reason).toContain('GIT_CREDENTIAL_OTHER');
    await unset.call('DELETE', '');
  });
});
