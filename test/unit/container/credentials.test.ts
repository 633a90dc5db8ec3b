import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';

import { createRepository, repositoryPath } from '../../../dev/git-server/repository.ts';
import { type GitServer, startGitServer } from '../../../dev/git-server/git-server.ts';
import { makeWorkspace, startControl } from './control-process.ts';
import { startFakeWorker } from './fake-worker.ts';
import { output, startRemote } from './worktrees.ts';
import { COMMIT, restore } from './restore-with-credential.ts';

const OLD = 'expired-token-of-the-test';
const FRESH = 'fresh-token-of-the-test';

describe('a token that expires in mid-push', () => {
  /** A host that refuses the old token from the n-th transfer of a push on, and a Worker that has a fresh one. */
  async function townWhereTokenExpires(nth: number) {
    let transfers = 0;
    const remote: { server?: GitServer } = {};
    const { server, gitUrl } = await startRemote((_repo, _user, password) => {
      const last = remote.server?.requests.at(-1);
      if (last?.service === 'git-receive-pack' && last.step === 'transfer') transfers += 1;
      return password === (transfers < nth ? OLD : FRESH);
    });
    remote.server = server;
    const worker = await startFakeWorker();
    let password = OLD;
    worker.answer('credential', ({ fresh }) => {
      if (fresh) password = FRESH;
      return { status: 200, json: { username: 'x-token', password } };
    });
    const control = await startControl(worker.url);
    expect(await restore({ worker, control }, gitUrl)).toMatchObject({ status: 'ready' });
    const asked = (): boolean[] => worker.bodies('credential').map(({ fresh }) => fresh);
    expect(asked()).not.toContain(true);
    const pushed = async (branch: string): Promise<string> =>
      await output('git', ['--git-dir', repositoryPath(server.rootDir, 'rig'), 'log', '--format=%s', branch]);
    return { worker, control, asked, pushed };
  }

  test("is followed by a fresh one when the agent's git pushes again", async () => {
    const { worker, control, asked, pushed } = await townWhereTokenExpires(1);
    const push = 'git push -q origin HEAD:mine';
    await control.start('a', {
      command: `${COMMIT} --allow-empty -m Mine; ${push} && exit 9; ${push}`,
    });
    expect((await worker.call('exit')).exit).toMatchObject({ code: 0 });
    expect(await pushed('mine')).toMatch(/^Mine\n/);
    expect(asked().filter((fresh) => fresh)).toHaveLength(1);
  });

  test('is followed by a fresh one in the push of the control server', async () => {
    const { worker, control, asked, pushed } = await townWhereTokenExpires(2);
    // More than http.postBuffer: git tries the login with an empty request first, and streams the second.
    const write = `head -c 2000000 /dev/urandom > large && git add large && ${COMMIT} -m Large`;
    await control.start('a', { command: `${write} && gt done --discard` });
    const { exit } = await worker.call('exit');
    expect(exit).toMatchObject({ code: 0, tail: expect.stringContaining('bead-1 is done') });
    expect(await pushed('gt/a/bead-1')).toMatch(/^Large\n/);
    expect(asked().filter((fresh) => fresh)).toHaveLength(1);
  });
});

test('two rigs on one host each get their own credential, and so do their agents', async () => {
  const tokens: Record<string, string> = { rig: 'token-of-the-rig', other: 'token-of-the-other' };
  const given = new Map<string, Set<string>>();
  const rootDir = await makeWorkspace();
  const auth = (repo: string, _user: string, password: string): boolean => {
    given.set(repo, (given.get(repo) ?? new Set()).add(password));
    return password === tokens[repo];
  };
  const server = await startGitServer({ rootDir, auth });
  onTestFinished(async () => await server.close());
  const worker = await startFakeWorker();
  worker.answer('credential', ({ rig }) => {
    return { status: 200, json: { username: 'x-token', password: tokens[rig] } };
  });
  const control = await startControl(worker.url);
  for (const rig of Object.keys(tokens)) {
    const gitUrl = await createRepository(server, rig, { from: import.meta.dirname });
    expect(await restore({ worker, control }, gitUrl, rig)).toMatchObject({ status: 'ready' });
  }
  // The other rig's repository stays closed to this rig's agent, on the very same host.
  const push = `${COMMIT} --allow-empty -m Mine && git push -q origin HEAD`;
  await control.start('a', { command: `${push} && ! git ls-remote ${server.url}/other.git` });
  expect((await worker.call('exit')).exit).toMatchObject({ code: 0 });
  expect(given.get('rig')).toEqual(new Set([tokens['rig']]));
  expect(given.get('other')).toEqual(new Set([tokens['other'], tokens['rig']]));
});

describe('a redirect to another host', () => {
  async function listen(serve: RequestListener): Promise<string> {
    const server = createServer(serve).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `http://127.0.0.1:${String(address.port)}`;
  }

  test.each([
    ['at once', false],
    ['once it has the token', true],
  ])('%s gets no credential', async (_, asksFirst) => {
    const heard: Record<'rig' | 'other', IncomingMessage['headers'][]> = { rig: [], other: [] };
    const refuse: RequestListener = (_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    };
    const other = await listen((request, response) => {
      heard.other.push(request.headers);
      refuse(request, response);
    });
    const host = await listen((request, response) => {
      heard.rig.push(request.headers);
      if (asksFirst && request.headers.authorization === undefined) refuse(request, response);
      else response.writeHead(302, { location: `${other}${request.url ?? ''}` }).end();
    });
    const worker = await startFakeWorker();
    const control = await startControl(worker.url);
    const report = await restore({ worker, control }, `${host}/rig.git`);
    expect(report.fault).toMatchObject({ code: 'git_auth' });
    expect(heard.rig.some(({ authorization }) => authorization !== undefined)).toBe(asksFirst);
    expect(heard.other.length).toBeGreaterThan(0);
    expect(heard.other.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });
});
