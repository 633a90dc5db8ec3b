import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { privateDir, repoDir } from '../../../container/git/layout.ts';
import { git } from '../../../dev/git-server/git-command.ts';
import { createRepository } from '../../../dev/git-server/repository.ts';
import { CONTROL } from '../../../src/contract/control.ts';
import type { CacheOrders, RepoCache } from '../../../src/contract/repo-cache.ts';
import { type ControlProcess, makeWorkspace, restoreRequest, startControl } from './control-process.ts';
import { eventually, startFakeWorker } from './fake-worker.ts';
import { imageLike, whyNotAsInImage } from './image-like.ts';
import { startRemote } from './worktrees.ts';

/** A git server with a repository that is large enough to be worth a cache. */
async function startLargeRemote() {
  const { server } = await startRemote();
  const seed = await makeWorkspace();
  await writeFile(join(seed, 'large.bin'), randomBytes(3_000_000));
  return { server, gitUrl: await createRepository(server, 'large', { from: seed }) };
}

async function restore(control: ControlProcess, gitUrl: string, repoCache: CacheOrders): Promise<void> {
  const request = restoreRequest(control.life, gitUrl, ['a'], { repoCache });
  expect((await control.call(CONTROL.restore, { rig: 'rig' }, request)).status).toBe(202);
}

function orders(stored: RepoCache | null): CacheOrders {
  return { stored, use: stored !== null, store: true, quietSeconds: 0 };
}

describe('the control server', () => {
  test.for(['one user', 'users of their own'])(
    'stores what a remote has once its rig is left alone, and the next one begins with it (%s)',
    async (users, { skip }) => {
      const own = users !== 'one user';
      skip(own && whyNotAsInImage() !== null);
      const how = own ? { program: imageLike(), env: { AGENT_USERS: 'own' } } : {};
      const worker = await startFakeWorker();
      const { server, gitUrl } = await startLargeRemote();
      const first = await startControl(worker.url, how);
      await restore(first, gitUrl, orders(null));
      await eventually(() => expect(worker.caches).toHaveLength(1));
      const { offer, bytes } = worker.caches[0] ?? expect.fail('nothing was stored');
      const tips = [await git(['ls-remote', gitUrl, 'refs/heads/main'])].map((line) => line.split('\t')[0]);
      expect(offer).toMatchObject({ life: first.life, rig: 'rig', cache: { gitUrl, tips, blobless: true } });
      expect(offer.cache.bytes).toBe(bytes.length);
      await eventually(() => expect(readdirSync(privateDir(repoDir(first.workspace, 'rig')))).toEqual([]));

      const asked = server.requests.length;
      const second = await startControl(worker.url, how);
      await restore(second, gitUrl, orders(offer.cache));
      const { report } = await worker.call('rigReport', ({ life }) => life.bootId === second.bootId);
      expect(report).toMatchObject({ status: 'ready', cache: { sha256: offer.cache.sha256, fault: null } });
      expect(report.phases).toContainEqual(expect.objectContaining({ name: 'cache', ok: true }));
      const packs = join(repoDir(second.workspace, 'rig'), 'objects', 'pack');
      const owners = ['', ...readdirSync(packs)].map((name) => statSync(join(packs, name)));
      expect(new Set(owners.map(({ uid, gid }) => `${uid}:${gid}`)).size).toBe(1);
      expect(owners[0]?.uid !== process.getuid?.()).toBe(own);
      // All of main came with the cache: the remote was only asked for its branches.
      const services = server.requests.slice(asked).map(({ service }) => service);
      expect(services.filter((service) => service === 'git-upload-pack')).toHaveLength(2);
      await eventually(() =>
        expect(second.events).toContainEqual(
          expect.objectContaining({ event: 'cache.not-made', why: 'nothing has changed' }),
        ),
      );
      expect(worker.problems).toEqual([]);
    },
  );

  test('restores all the same where the cache is not to be had, and says so', async () => {
    const worker = await startFakeWorker();
    const { gitUrl } = await startLargeRemote();
    const control = await startControl(worker.url);
    const known = { gitUrl, tips: ['a'.repeat(40)], blobless: true, bytes: 10, at: Date.now() };
    await restore(control, gitUrl, { ...orders({ ...known, sha256: 'b'.repeat(64) }), store: false });
    const { report } = await worker.call('rigReport');
    expect(report).toMatchObject({ status: 'ready', cache: { fault: { code: 'unknown_cache' } } });
    expect(report.phases).toContainEqual(
      expect.objectContaining({ name: 'cache', ok: false, detail: expect.stringContaining('not used') }),
    );
  });

  test('gives the storing of a cache up when the container ends', async () => {
    const worker = await startFakeWorker(undefined, { holdsCaches: true });
    const { gitUrl } = await startLargeRemote();
    const control = await startControl(worker.url);
    await restore(control, gitUrl, orders(null));
    await eventually(() => expect(worker.caches).toHaveLength(1));
    control.kill('SIGTERM');
    expect(await control.ended).toEqual({ code: 0, signal: null });
    expect(control.events.filter(({ event }) => event === 'cache.stored')).toEqual([]);
  });
});
