import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RemoteGuard } from '../../../container/git/remote-guard.ts';
import { createGit } from '../../../container/git/run-git.ts';
import { startGitServer } from '../../../dev/git-server/git-server.ts';
import type { GitServer } from '../../../dev/git-server/git-server.ts';
import { planFor, run, Scene } from './scene.ts';

/** What stands for the public internet here. */
const PUBLIC = '127.0.0.1';

/** Nobody else resolves these names: git gets there by the guard's answer, or not at all. */
const NAMES: Record<string, string[]> = {
  'git.example': [PUBLIC],
  'rebound.example': [PUBLIC, '10.0.0.1'],
  'inner.example': ['10.0.0.1'],
  'nobody.example': [],
};

const guard = new RemoteGuard({
  lookup: async (name) => {
    const addresses = NAMES[name];
    if (addresses === undefined) throw new Error(`getaddrinfo ENOTFOUND ${name}`);
    return await Promise.resolve(addresses);
  },
  isPublic: (address) => address === PUBLIC,
});

describe('git address not public: git', () => {
  let scene: Scene;
  let server: GitServer;
  const at = (host: string): string => `http://${host}:${new URL(server.url).port}/core.git`;
  const restore = async () => await scene.restore([planFor('ada')]);
  const moved = (location: string) => ({ status: 301, headers: { Location: location } });
  const DISCOVERY = '/info/refs?service=git-upload-pack';

  beforeEach(async () => {
    scene = new Scene({ settings: { guard } });
    server = await startGitServer({ rootDir: scene.remotes });
    run(scene.remotes, 'clone', '-q', '--bare', 'core.git', 'moved.git');
  });
  afterEach(async () => {
    await server.close();
    scene.remove();
  });

  it('connects to the address that was looked at, whatever the name resolves to by then', async () => {
    scene.url = at('git.example');
    expect(await restore()).toMatchObject({ status: 'ready', fault: null });
  });

  it.each(['rebound.example', 'inner.example', 'nobody.example', 'localhost', '10.0.0.1', '[::1]'])(
    'is not run for a repository at %s, and the rig says why',
    async (host) => {
      scene.url = at(host);
      const { status, fault } = await restore();
      expect({ status, fault }).toMatchObject({ status: 'failed', fault: { code: 'git_address' } });
      expect(fault?.reason).toContain('is not on the public internet');
      expect(server.requests).toEqual([]);
    },
  );

  it('is not run for one that cannot be resolved, which may pass', async () => {
    scene.url = at('unknown.example');
    expect((await restore()).fault).toMatchObject({ code: 'git_dns', retryable: true });
  });

  it.each(['ssh://git@inner.example/core.git', 'git@10.0.0.1:core.git'])(
    'is not run for %s either',
    async (url) => {
      const git = createGit({ workspace: scene.workspace, guard });
      const asked = git.run(scene.workspace, ['ls-remote', '--', url], { network: true });
      await expect(asked).rejects.toMatchObject({ code: 'git_address' });
    },
  );

  it.each([
    ['at the same host', () => `/moved.git${DISCOVERY}`],
    ['at another one', () => `${at('git.example').replace('core', 'moved')}${DISCOVERY}`],
  ])('follows a repository that has moved to a public place %s', async (_, location) => {
    scene.url = `${server.url}/core.git`;
    server.setFault('core', moved(location()));
    expect(await restore()).toMatchObject({ status: 'ready', fault: null });
    expect(server.requests.some(({ repo }) => repo === 'moved')).toBe(true);
  });

  it.each([
    ['to a private place', () => `${at('inner.example')}${DISCOVERY}`, 'git_address'],
    ['to loopback', () => `http://localhost/core.git${DISCOVERY}`, 'git_address'],
    ['in a circle', () => `${server.url}/core.git${DISCOVERY}`, 'git_not_a_repository'],
    ['to a page', () => `${server.url}/login`, 'git_not_a_repository'],
    ['to a file', () => `file:///core.git${DISCOVERY}`, 'git_not_a_repository'],
  ])('follows none that leads %s', async (_, location, code) => {
    scene.url = at('git.example');
    server.setFault('core', moved(location()));
    const { status, fault } = await restore();
    expect({ status, fault }).toMatchObject({ status: 'failed', fault: { code } });
    expect(server.requests.every(({ repo }) => repo === 'core')).toBe(true);
  });
});
