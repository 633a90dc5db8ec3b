import { describe, expect, test } from 'vitest';
import { git } from '../../../dev/git-server/git-command.ts';
import type { GitServer } from '../../../dev/git-server/git-server.ts';
import { createRepository } from '../../../dev/git-server/repository.ts';
import { clone, commit, directoryWith, startTestGitServer } from './test-git-server.ts';

async function serverWithTown(): Promise<{ server: GitServer; url: string }> {
  const server = await startTestGitServer();
  const url = await createRepository(server, 'town', { from: await directoryWith({ a: 'A'.repeat(5000) }) });
  return { server, url };
}

describe('a repository with a fault', () => {
  test('answers the status it was told to, until the fault is taken back', async () => {
    const { server, url } = await serverWithTown();
    const other = await createRepository(server, 'other');
    server.setFault('town', { status: 503 });
    await expect(git(['ls-remote', url])).rejects.toThrow('503');
    await git(['ls-remote', other]);
    server.setFault('town', null);
    expect(await git(['ls-remote', url])).toContain('refs/heads/main');
  });

  test('may refuse pushes only', async () => {
    const { server, url } = await serverWithTown();
    server.setFault('town', { status: 403, service: 'git-receive-pack' });
    const directory = await clone(url);
    await commit(directory, 'b', 'B');
    await expect(git(['-C', directory, 'push', 'origin', 'HEAD:main'])).rejects.toThrow('403');
  });

  test('cuts a clone in the middle of its answer', async () => {
    const { server, url } = await serverWithTown();
    server.setFault('town', { cutAfterBytes: 100, step: 'transfer' });
    await expect(clone(url)).rejects.toThrow(/unexpected disconnect|early EOF|transfer closed/);
    const answer = await fetch(`${url}/info/refs?service=git-upload-pack`);
    expect(answer.status).toBe(200);
  });

  test('gives exactly as many bytes as it was told to', async () => {
    const { server, url } = await serverWithTown();
    server.setFault('town', { cutAfterBytes: 10 });
    const answer = await fetch(`${url}/info/refs?service=git-upload-pack`);
    const bytes: number[] = [];
    const read = async (): Promise<void> => {
      for await (const chunk of answer.body ?? []) bytes.push(...chunk);
    };
    await expect(read()).rejects.toThrow('terminated');
    expect(bytes).toHaveLength(10);
  });

  test('takes a push whose client never hears of it', async () => {
    const { server, url } = await serverWithTown();
    const directory = await clone(url);
    const head = await commit(directory, 'b', 'B');
    server.setFault('town', { cutAfterBytes: 0, service: 'git-receive-pack', step: 'transfer' });
    await expect(git(['-C', directory, 'push', 'origin', 'HEAD:main'])).rejects.toThrow('hung up');
    expect(await git(['ls-remote', url, 'refs/heads/main'])).toContain(head);
  });

  test('hangs without an answer, and lets go when the server closes', async () => {
    const { server, url } = await serverWithTown();
    server.setFault('town', { hang: true });
    let answered = false;
    const listing = Promise.allSettled([git(['ls-remote', url])]).finally(() => (answered = true));
    await expect.poll(() => server.requests).toHaveLength(1);
    expect(answered).toBe(false);
    await server.close();
    expect(await listing).toMatchObject([
      { reason: { stderr: expect.stringMatching(/reply|reset|hung up/i) } },
    ]);
  });
});
