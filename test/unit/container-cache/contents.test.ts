import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { withView } from '../../../container/cache/make-cache.ts';
import { privateDir } from '../../../container/git/layout.ts';
import { completeHistory } from '../../../container/git/partial-clone.ts';
import { sceneTest as it } from '../container-git/scene-test.ts';
import { planFor, RIG, run, write } from '../container-git/scene.ts';
import { cacheOf, filesOf, MINE, objectsIn, objectsOf, withHistory } from './cache-scene.ts';

describe.concurrent('a cache', () => {
  it('has nothing that the git remote does not have, whatever agents did to the repository', async ({
    scene,
  }) => {
    withHistory(scene);
    await scene.restore([planFor('ada')]);
    await completeHistory(scene.git, scene.repo, {});
    const { repo } = scene;
    const dir = scene.dir('ada');
    const main = scene.remoteHead('main');
    write(dir, { 'secret.txt': 'committed, and not pushed\n' });
    run(dir, 'add', '--all');
    run(dir, 'commit', '--quiet', '--message', 'mine alone');
    write(dir, { 'staged.txt': 'staged\n' });
    run(dir, 'add', '--all');
    const mine = run(dir, 'rev-parse', 'HEAD');
    // Each of these would lead a walk from main to the commit that nobody has pushed.
    run(repo, 'update-ref', 'refs/remotes/origin/main', mine);
    run(repo, 'update-ref', 'refs/heads/main', mine);
    run(repo, 'replace', `${main}^`, mine);
    writeFileSync(join(repo, 'info', 'grafts'), `${main} ${mine}\n`);
    run(repo, 'config', 'uploadpack.packObjectsHook', 'touch hooked;');

    const onRemote = objectsIn(scene.remote);
    for (const blobless of [false, true]) {
      const stored = await cacheOf(scene, { blobless });
      expect(filesOf(stored).filter((name) => !/^pack-[0-9a-f]+\.(?:pack|idx|rev)$/.test(name))).toEqual([]);
      expect([...objectsOf(scene, stored)].filter((oid) => !onRemote.has(oid))).toEqual([]);
    }
  });

  it('is not made where an index of an agent passes something off as a folder of the remote', async ({
    scene,
  }) => {
    withHistory(scene);
    await scene.restore([planFor('ada')]);
    const dir = scene.dir('ada');
    write(dir, { 'not/for/the/remote.txt': 'secret\n' });
    run(dir, 'add', '--all');
    const name = run(scene.remote, 'rev-parse', 'main~1^{tree}');
    unpackAll(scene.repo);
    rmSync(join(scene.repo, 'objects', name.slice(0, 2), name.slice(2)));
    forgePack(scene.repo, { secret: run(dir, 'write-tree'), name });
    await expect(cacheOf(scene)).rejects.toMatchObject({ code: 'cache_corrupt' });
  });

  it('has all that its tips lead to, or all but the contents of old files', async ({ scene }) => {
    withHistory(scene);
    await scene.restore([planFor('ada')]);
    await completeHistory(scene.git, scene.repo, {});
    const all = run(scene.remote, 'rev-list', '--objects', '--no-object-names', 'main').split('\n');
    expect([...objectsOf(scene, await cacheOf(scene, { blobless: false }))].toSorted()).toEqual(
      all.toSorted(),
    );
    const old = [1, 2, 3].map((n) => `main~${n}:src/index.js`);
    const dropped = new Set(old.map((name) => run(scene.remote, 'rev-parse', name)));
    const without = all.filter((oid) => !dropped.has(oid));
    expect(without.length).toBeLessThan(all.length);
    expect([...objectsOf(scene, await cacheOf(scene))].toSorted()).toEqual(without.toSorted());
  });

  it('is made of a repository that has no contents of old files', async ({ scene }) => {
    withHistory(scene);
    await scene.restore([planFor('ada')], { history: 'blobless' });
    const has = objectsOf(scene, await cacheOf(scene));
    const tip = run(scene.remote, 'rev-list', '--objects', '--no-object-names', '--no-walk', 'main').split(
      '\n',
    );
    expect(tip.filter((oid) => !has.has(oid))).toEqual([]);
    expect(has.has(run(scene.remote, 'rev-parse', 'main~1:src/index.js'))).toBe(false);
  });

  it('is of commits that are here: one that the remote got since is passed over', async ({ scene }) => {
    await scene.restore([planFor('ada')]);
    const before = scene.remoteHead('main');
    const after = scene.push('main', { 'later.txt': 'later\n' });
    const tips = await withView(scene.git, RIG, { tips: [before, after] }, async (view) => {
      return await Promise.resolve(view.tips);
    });
    expect(tips).toEqual([before]);
  });

  it('leaves nothing on the disk, also when its making is cut off', async ({ scene }) => {
    withHistory(scene);
    await scene.restore([planFor('ada')]);
    const stop = new AbortController();
    const tips = [scene.remoteHead(MINE)];
    const made = withView(scene.git, RIG, { tips, signal: stop.signal }, async (view) => {
      stop.abort();
      return await view.pack(true, async () => await Promise.resolve('made'));
    });
    await expect(made).rejects.toMatchObject({ code: 'draining' });
    expect(readdirSync(privateDir(scene.repo))).toEqual([]);
  });
});

/** Keeps each object of a repository in a file of its own. */
function unpackAll(repo: string): void {
  const folder = join(repo, 'objects/pack');
  const packs = readdirSync(folder).filter((name) => name.endsWith('.pack'));
  const contents = packs.map((name) => readFileSync(join(folder, name)));
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  for (const input of contents) execFileSync('git', ['unpack-objects', '-q'], { cwd: repo, input });
}

/** Packs an object, and has the index (https://git-scm.com/docs/gitformat-pack) call it by the name of another one. */
function forgePack(repo: string, { secret, name }: { secret: string; name: string }): void {
  const packs = join(repo, 'objects/pack/pack');
  const made = execFileSync('git', ['pack-objects', '--quiet', packs], { cwd: repo, input: secret });
  const file = `${packs}-${made.toString().trim()}.idx`;
  const index = readFileSync(file);
  const oid = Buffer.from(name, 'hex');
  for (let byte = 0; byte < 256; byte += 1) index.writeUInt32BE(byte < (oid[0] ?? 0) ? 0 : 1, 8 + 4 * byte);
  oid.copy(index, 8 + 4 * 256);
  createHash('sha1')
    .update(index.subarray(0, -20))
    .digest()
    .copy(index, index.length - 20);
  chmodSync(file, 0o644);
  writeFileSync(file, index);
}
