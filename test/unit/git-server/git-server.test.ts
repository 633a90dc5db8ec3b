import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { git } from '../../../dev/git-server/git-command.ts';
import { createRepository } from '../../../dev/git-server/repository.ts';
import { clone, commit, directoryWith, startTestGitServer, temporaryDirectory } from './test-git-server.ts';

/** Lets one user into one repository. */
function auth(repo: string, user: string, password: string): boolean {
  return repo === 'town' && user === 'agent' && password === 'a:b';
}

describe('the git server', () => {
  test('serves a repository that was made from a directory', async () => {
    const server = await startTestGitServer();
    const from = await directoryWith({ 'a.txt': 'A', 'sub/b.txt': 'B', '.gitignore': 'junk\n', junk: 'J' });
    const url = await createRepository(server, 'town', { from, defaultBranch: 'trunk' });
    const directory = await clone(url);
    expect(await readFile(join(directory, 'sub/b.txt'), 'utf8')).toBe('B');
    expect((await git(['-C', directory, 'ls-files'])).split('\n')).toEqual([
      '.gitignore',
      'a.txt',
      'sub/b.txt',
    ]);
    expect(await git(['-C', directory, 'branch', '--show-current'])).toBe('trunk');
  });

  test('takes pushes, also to an empty repository in a folder', async () => {
    const server = await startTestGitServer();
    const url = await createRepository(server, 'org/town');
    const directory = await clone(url);
    const head = await commit(directory, 'file', 'text');
    await git(['-C', directory, 'push', '--quiet', 'origin', 'HEAD:main']);
    expect(await git(['ls-remote', url, 'refs/heads/main'])).toBe(`${head}\trefs/heads/main`);
  });

  test('takes a large push, which comes in chunks, and gives it back', async () => {
    const server = await startTestGitServer();
    const url = await createRepository(server, 'town');
    const directory = await clone(url);
    const content = randomBytes(4_000_000).toString('base64');
    await commit(directory, 'large', content);
    await git(['-C', directory, 'push', '--quiet', 'origin', 'HEAD:main']);
    expect(await readFile(join(await clone(url), 'large'), 'utf8')).toBe(content);
  });

  test('speaks version 2 of the protocol when the client asks for it', async () => {
    const server = await startTestGitServer();
    const url = await createRepository(server, 'town');
    const refs = `${url}/info/refs?service=git-upload-pack`;
    const answer = await fetch(refs, { headers: { 'Git-Protocol': 'version=2' } });
    expect(await answer.text()).toContain('version 2');
    expect(await (await fetch(refs)).text()).not.toContain('version 2');
  });

  test('reads a request body that is compressed by gzip', async () => {
    const server = await startTestGitServer();
    const url = await createRepository(server, 'town', { from: await directoryWith({ a: 'A' }) });
    const answer = await fetch(`${url}/git-upload-pack`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/x-git-upload-pack-request',
        'Content-Encoding': 'gzip',
        'Git-Protocol': 'version=2',
      },
      body: gzipSync('0014command=ls-refs\n00010000'),
    });
    expect(await answer.text()).toContain('refs/heads/main');
  });

  test('logs what was asked of which repository', async () => {
    const server = await startTestGitServer();
    const url = await createRepository(server, 'town', { from: await directoryWith({ a: 'A' }) });
    const before = Date.now();
    await git(['ls-remote', url]);
    expect(server.requests).toEqual([
      { repo: 'town', service: 'git-upload-pack', step: 'advertise', at: expect.any(Number) },
      { repo: 'town', service: 'git-upload-pack', step: 'transfer', at: expect.any(Number) },
    ]);
    expect(server.requests[0]?.at).toBeGreaterThanOrEqual(before);
  });

  test('serves nothing outside of its repositories', async () => {
    const server = await startTestGitServer({ rootDir: join(await temporaryDirectory(), 'inner') });
    await createRepository(join(server.rootDir, '..'), 'outside');
    for (const path of [
      '/../outside.git',
      '/%2e%2e/outside.git',
      '/x/..%2f../outside.git',
      '/none.git',
      '',
    ]) {
      const answer = await fetch(`${server.url}${path}/info/refs?service=git-upload-pack`);
      expect(answer.status).toBe(404);
    }
  });
});

describe('a git server that asks who comes', () => {
  test('lets in who has the password', async () => {
    const server = await startTestGitServer({ auth });
    const url = new URL(await createRepository(server, 'town'));
    url.username = 'agent';
    url.password = 'a:b';
    const directory = await clone(url.href);
    await commit(directory, 'file', 'text');
    await git(['-C', directory, 'push', '--quiet', 'origin', 'HEAD:main']);
    expect(await git(['ls-remote', url.href])).toContain('refs/heads/main');
  });

  test('turns others away with 401 and asks for a login', async () => {
    const server = await startTestGitServer({ auth });
    const url = await createRepository(server, 'town');
    const answer = await fetch(`${url}/info/refs?service=git-upload-pack`);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
    const wrong = await fetch(`${url}/info/refs?service=git-upload-pack`, {
      headers: { Authorization: `Basic ${btoa('agent:wrong')}` },
    });
    expect(wrong.status).toBe(401);
  });
});

describe('a new repository', () => {
  test('gets a file URL when there is no server', async () => {
    const url = await createRepository(await temporaryDirectory(), 'town', {
      from: await directoryWith({ a: 'A' }),
    });
    expect(url).toMatch(/^file:.*\/town\.git$/);
    expect(await git(['ls-remote', url])).toContain('refs/heads/main');
  });

  test('needs a proper name that is not taken', async () => {
    const rootDir = await temporaryDirectory();
    await createRepository(rootDir, 'town');
    await expect(createRepository(rootDir, 'town')).rejects.toThrow('exists');
    for (const name of ['', '../town', 'a//b', '.hidden', '-flag', 'town.git', 'a/../b']) {
      await expect(createRepository(rootDir, name)).rejects.toThrow('not a repository name');
    }
  });
});
