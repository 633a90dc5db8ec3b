import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { codeOf } from '../../../src/contract/errors.ts';
import { pktLine, pktLines } from '../../../src/platform/pkt-lines.ts';
import { deleteRemoteRefs } from '../../../src/platform/remote-refs.ts';
import { git } from '../../../dev/git-server/git-command.ts';
import { createRepository, repositoryPath } from '../../../dev/git-server/repository.ts';
import { directoryWith, startTestGitServer } from '../git-server/test-git-server.ts';

const isOver = (ref: string): boolean => ref.startsWith('refs/over/');

/** A repository with so many refs that are over, beside others. */
async function remoteWith(count: number, options: Parameters<typeof startTestGitServer>[0] = {}) {
  const server = await startTestGitServer(options);
  const gitUrl = await createRepository(server, 'site', { from: await directoryWith({ a: 'A' }) });
  const bare = repositoryPath(server.rootDir, 'site');
  const head = await git(['-C', bare, 'rev-parse', 'HEAD']);
  for (let n = 0; n < count; n += 1) await git(['-C', bare, 'update-ref', `refs/over/${n}`, head]);
  await git(['-C', bare, 'update-ref', 'refs/kept/one', head]);
  const refs = async (): Promise<string[]> =>
    (await git(['-C', bare, 'for-each-ref', '--format=%(refname)'])).split('\n');
  return { server, gitUrl, bare, refs };
}

/** The code of a deletion that must fail. */
async function refused(
  gitUrl: string,
  credential: { username: string; password: string } | null = null,
): Promise<string | null> {
  return deleteRemoteRefs({ gitUrl, credential }, isOver).then(() => null, codeOf);
}

/** A server that leads everybody on. */
async function leadingTo(location: (path: string) => string): Promise<string> {
  const server = createServer((asked, answer) =>
    answer.writeHead(301, { location: location(asked.url ?? '') }).end(),
  );
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => new Promise<void>((done) => server.close(() => done())));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('refs of a remote that are over', () => {
  test('are deleted without a clone, and no others', async () => {
    const { gitUrl, refs } = await remoteWith(3);
    expect(await deleteRemoteRefs({ gitUrl, credential: null }, isOver)).toBe(3);
    expect(await refs()).toEqual(['refs/heads/main', 'refs/kept/one']);
    expect(await deleteRemoteRefs({ gitUrl, credential: null }, isOver)).toBe(0);
  });

  test('are deleted by whoever has the credential, and by nobody else', async () => {
    const mine = { username: 'ada', password: 'pässword:1' };
    const auth = (_: string, user: string, password: string): boolean =>
      user === mine.username && password === mine.password;
    const { gitUrl, refs } = await remoteWith(1, { auth });
    expect(await refused(gitUrl)).toBe('git_auth');
    expect(await refused(gitUrl, { ...mine, password: 'wrong' })).toBe('git_auth');
    expect(await refs()).toContain('refs/over/0');
    expect(await deleteRemoteRefs({ gitUrl, credential: mine }, isOver)).toBe(1);
  });

  test('stay where the remote keeps them, which says why', async () => {
    const { gitUrl, bare, refs } = await remoteWith(1);
    await mkdir(join(bare, 'hooks'), { recursive: true });
    await writeFile(join(bare, 'hooks/update'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const failed = deleteRemoteRefs({ gitUrl, credential: null }, isOver);
    await expect(failed).rejects.toThrow('the remote keeps 1 of 1 refs: refs/over/0: hook declined');
    expect(await refs()).toContain('refs/over/0');
  });

  test.each([
    [{ status: 404 }, 'git_not_found'],
    [{ status: 429 }, 'git_rate_limited'],
    [{ status: 503 }, 'git_server'],
    [{ page: '<html>' }, 'git_not_a_repository'],
    [{ reset: true }, 'git_unreachable'],
    [{ cutAfterBytes: 70 }, 'git_unreachable'],
    [{ status: 500, step: 'transfer' }, 'git_server'],
  ] as const)('stay where the remote fails by %j', async (fault, code) => {
    const { server, gitUrl, refs } = await remoteWith(1);
    server.setFault('site', fault);
    expect(await refused(gitUrl)).toBe(code);
    expect(await refs()).toContain('refs/over/0');
  });

  test('are found where their host has moved the repository to, but not on another host', async () => {
    const { gitUrl, refs } = await remoteWith(1);
    expect(await refused(await leadingTo((path) => gitUrl + path))).toBe('git_server');
    expect(await refs()).toContain('refs/over/0');
    expect(await refused(`${await leadingTo((path) => path)}/round`)).toBe('git_server');
  });
});

describe('the lines of git', () => {
  const read = async (text: string, { bytesAtOnce = 1_000 } = {}): Promise<(string | null)[]> => {
    const all = new TextEncoder().encode(text);
    const starts = Array.from({ length: Math.ceil(all.length / bytesAtOnce) }, (_, n) => n * bytesAtOnce);
    const bytes = starts.map((from) => all.slice(from, from + bytesAtOnce));
    const lines: (string | null)[] = [];
    for await (const line of pktLines(ReadableStream.from(bytes))) lines.push(line);
    return lines;
  };

  test('are the same however they are cut', async () => {
    const text = `${pktLine('one\n')}0000${pktLine('zwö')}${pktLine('')}0000`;
    const whole = ['one', null, 'zwö', '', null];
    expect(await read(text)).toEqual(whole);
    expect(await read(text, { bytesAtOnce: 1 })).toEqual(whole);
    expect(await read('')).toEqual([]);
  });

  test.each(['000', '0009one', 'zzzz', '0003', 'fff1'])(
    'are refused where they are none: %j',
    async (text) => {
      await expect(read(text)).rejects.toMatchObject({ code: 'git_server' });
    },
  );
});
