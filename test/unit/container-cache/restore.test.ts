import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { CacheIntake } from '../../../container/cache/intake.ts';
import { GitFailure } from '../../../container/git/errors.ts';
import { privateDir, worktreeDir } from '../../../container/git/layout.ts';
import { completeHistory, isPartial } from '../../../container/git/partial-clone.ts';
import { RelightError } from '../../../src/contract/errors.ts';
import { sceneTest as it } from '../container-git/scene-test.ts';
import { planFor, RIG, run } from '../container-git/scene.ts';
import type { Scene } from '../container-git/scene.ts';
import {
  filesOf,
  forged,
  MINE,
  objectsIn,
  brokenAfter,
  objectsOf,
  packedIn,
  restoreWith,
  storedFor,
  tarred,
} from './cache-scene.ts';
import type { Again, Stored } from './cache-scene.ts';

/** Whatever the restore began with: in the end all is there and right. */
async function expectRight(scene: Scene, { git, repo, report }: Again): Promise<void> {
  expect(report).toMatchObject({ status: 'ready', fault: null, agents: [{ fault: null, warnings: [] }] });
  const dir = worktreeDir(git.workspace, RIG, 'ada');
  expect(run(dir, 'status', '--porcelain')).toBe('');
  expect(run(dir, 'rev-parse', 'HEAD', 'origin/main')).toBe(
    [MINE, 'main'].map((branch) => scene.remoteHead(branch)).join('\n'),
  );
  await completeHistory(git, repo, {});
  expect(isPartial(repo)).toBe(false);
  run(repo, 'fsck', '--strict', '--full');
  const needed = run(scene.remote, 'rev-list', '--objects', '--no-object-names', 'main', MINE).split('\n');
  const here = objectsIn(repo);
  expect(needed.filter((oid) => !here.has(oid))).toEqual([]);
  const refs = run(repo, 'for-each-ref', '--format=%(refname)').split('\n');
  expect(refs.toSorted()).toEqual([
    `refs/heads/${MINE}`,
    `refs/remotes/origin/${MINE}`,
    'refs/remotes/origin/main',
  ]);
  expect(readdirSync(privateDir(repo))).toEqual([]);
}

describe.concurrent('a restore that begins with a cache', () => {
  it.for([true, false])(
    'fetches what came since, and nothing else (blobless: %s)',
    async (blobless, { scene }) => {
      const stored = await storedFor(scene, blobless);
      const again = await restoreWith(scene, stored, {
        placing: async (place, repo) => {
          const options = await place();
          // All that comes is kept, also what is there.
          run(repo, 'config', 'fetch.unpackLimit', '1');
          return options;
        },
      });
      expect(again.outcome).toMatchObject({ fault: null, sha256: stored.cache.sha256 });
      const packs = filesOf(stored).filter((name) => name.endsWith('.pack'));
      expect(readdirSync(join(again.repo, 'objects/pack'))).toEqual(expect.arrayContaining(packs));
      const cached = objectsOf(scene, stored);
      const fetched = packedIn(again.repo, new Set(packs));
      expect(fetched.length).toBeGreaterThan(0);
      const twice = fetched
        .filter((oid) => cached.has(oid))
        .map((oid) => run(again.repo, 'cat-file', '-t', oid));
      // A folder may be here again: what another one was sent as a difference to.
      expect(twice.filter((kind) => kind !== 'tree')).toEqual([]);
      await expectRight(scene, again);
    },
  );

  it('fetches the little that came lately with its contents, and of much the contents that are needed', async ({
    scene,
  }) => {
    const stored = await storedFor(scene);
    const blob = run(scene.remote, 'rev-parse', 'main:src/index.js');
    const lately = await restoreWith(scene, stored);
    expect(objectsIn(lately.repo).has(blob)).toBe(true);
    execFileSync('rm', ['-rf', join(scene.root, 'next')]);
    const later = await restoreWith(scene, stored, { at: Date.now() - 7 * 24 * 60 * 60_000 });
    expect(objectsIn(later.repo).has(blob)).toBe(false);
    await expectRight(scene, later);
  });

  it('asks the remote for nothing where nothing has changed but one branch', async ({ scene }) => {
    const stored = await storedFor(scene, false);
    run(scene.remote, 'update-ref', 'refs/heads/main', stored.cache.tips[0] ?? '');
    const again = await restoreWith(scene, stored);
    expect(again.outcome).toMatchObject({ fault: null });
    expect(isPartial(again.repo)).toBe(false);
    await expectRight(scene, again);
  });

  it('leaves a repository alone that is there', async ({ scene }) => {
    const stored = await storedFor(scene);
    await scene.restore([planFor('ada')]);
    const intake = new CacheIntake({
      git: scene.git,
      rig: RIG,
      cache: stored.cache,
      open: async () => await Promise.reject(new Error('it was asked for')),
    });
    const report = await scene.restore([planFor('ada')], {}, { cache: intake });
    expect([report.status, intake.outcome]).toEqual(['ready', undefined]);
  });
});

type Damage = (scene: Scene, stored: Stored) => Promise<Stored> | Stored;

const DAMAGES: Readonly<Record<string, readonly [code: string, damage: Damage]>> = {
  'has another checksum than was stored': [
    'cache_corrupt',
    (_, { file, cache }) => ({ file, cache: { ...cache, sha256: 'f'.repeat(64) } }),
  ],
  'is cut short': [
    'cache_corrupt',
    (_, stored) => {
      truncateSync(stored.file, stored.cache.bytes - 2_000);
      return stored;
    },
  ],
  'goes on behind its end': [
    'cache_corrupt',
    (_, stored) => {
      writeFileSync(stored.file, 'more', { flag: 'a' });
      return stored;
    },
  ],
  'is no tar': [
    'cache_corrupt',
    async (scene, { cache }) => {
      const dir = join(scene.root, 'forged');
      mkdirSync(dir);
      writeFileSync(join(dir, 'x'), 'x');
      const { file } = await tarred(scene, dir, cache);
      writeFileSync(file, Buffer.alloc(3_000, 'not a tar'));
      const sha256 = execFileSync('sha256sum', [file], { encoding: 'utf8' }).slice(0, 64);
      return { file, cache: { ...cache, bytes: 3_000, sha256 } };
    },
  ],
  'has a configuration in it': [
    'cache_corrupt',
    async (scene, { file, cache }) => {
      const dir = join(scene.root, 'forged');
      mkdirSync(dir);
      execFileSync('tar', ['-x', '-f', file, '-C', dir]);
      writeFileSync(join(dir, 'config'), '[core]\n\tsshCommand = false\n');
      return await tarred(scene, dir, cache);
    },
  ],
  'lacks a commit': [
    'cache_corrupt',
    async (scene, { cache }) => {
      const [tip = ''] = cache.tips;
      const all = run(scene.remote, 'rev-list', '--objects', '--no-object-names', tip).split('\n');
      const parent = run(scene.remote, 'rev-parse', `${tip}~1`);
      return await forged(
        scene,
        all.filter((oid) => oid !== parent),
        [tip],
      );
    },
  ],
  'is of another rig': [
    'cache_corrupt',
    async (scene, { cache }) => {
      run(scene.colleague, 'checkout', '--quiet', '--orphan', 'other');
      run(scene.colleague, 'commit', '--quiet', '--message', 'other');
      const foreign = run(scene.colleague, 'rev-parse', 'HEAD', 'HEAD^{tree}').split('\n');
      run(scene.remote, 'fetch', '--quiet', scene.colleague, 'other');
      return await forged(scene, foreign, cache.tips);
    },
  ],
  'is promised to be whole, and lacks contents': [
    'cache_corrupt',
    async (scene, { cache }) => {
      const [tip = ''] = cache.tips;
      const all = run(scene.remote, 'rev-list', '--objects', '--no-object-names', tip).split('\n');
      const blob = run(scene.remote, 'rev-parse', `${tip}:src/index.js`);
      return await forged(
        scene,
        all.filter((oid) => oid !== blob),
        [tip],
        false,
      );
    },
  ],
};

describe.concurrent('a cache is never worse than none, when it', () => {
  it.for(Object.entries(DAMAGES))('%s', async ([, [code, damage]], { scene }) => {
    const stored = await damage(scene, await storedFor(scene));
    const again = await restoreWith(scene, stored);
    expect(again.outcome).toMatchObject({ fault: { code } });
    await expectRight(scene, again);
  });

  it.for(['blob', 'tree'])(
    'lacks each %s that its tips need: what is missing is fetched',
    async (kind, { scene }) => {
      const { cache } = await storedFor(scene);
      const [tip = ''] = cache.tips;
      const filter = kind === 'blob' ? 'blob:none' : 'tree:0';
      const listed = run(
        scene.remote,
        'rev-list',
        '--objects',
        '--no-object-names',
        `--filter=${filter}`,
        tip,
      );
      const stored = await forged(scene, listed.split('\n'), [tip]);
      const again = await restoreWith(scene, stored);
      expect(again.outcome).toMatchObject({ fault: null });
      await expectRight(scene, again);
    },
  );

  it('is of commits that the remote has no more', async ({ scene }) => {
    const stored = await storedFor(scene);
    run(scene.colleague, 'checkout', '--quiet', 'main');
    run(scene.colleague, 'reset', '--quiet', '--hard', 'HEAD~2');
    run(scene.colleague, 'push', '--quiet', '--force', 'origin', 'main');
    const again = await restoreWith(scene, stored);
    expect(again.outcome).toMatchObject({ fault: null });
    await expectRight(scene, again);
  });

  it('cannot be had, breaks off, or comes no further', async ({ scene }) => {
    const stored = await storedFor(scene);
    const ways: readonly (() => ReadableStream<Uint8Array>)[] = [
      () => {
        throw new RelightError('unknown_cache', 'it is gone');
      },
      () => brokenAfter(stored.file, 'error'),
      () => brokenAfter(stored.file, 'silence'),
    ];
    for (const open of ways) {
      const again = await restoreWith(scene, stored, { open, stallMs: open === ways[2] ? 300 : 60_000 });
      expect(again.outcome?.fault?.code).toBe(open === ways[0] ? 'unknown_cache' : 'cache_store');
      await expectRight(scene, again);
      execFileSync('rm', ['-rf', join(scene.root, 'next')]);
    }
  });

  it('leaves git at a loss when something is to be fetched: all is begun anew', async ({ scene }) => {
    const again = await restoreWith(scene, await storedFor(scene), {
      placing: async (place) => {
        await place();
        throw new GitFailure('git_failed', 'bad object', { exitCode: 128, output: '' });
      },
    });
    expect(again.outcome).toMatchObject({ fault: { code: 'git_failed' } });
    await expectRight(scene, again);
  });

  it('is being placed when the container ends: the next restore goes on', async ({ scene }) => {
    const stored = await storedFor(scene);
    const stop = new AbortController();
    const cut = await restoreWith(scene, stored, {
      signal: stop.signal,
      placing: async (place) => {
        const options = await place();
        stop.abort();
        return options;
      },
    });
    expect(cut.report.status).toBe('failed');
    const again = await restoreWith(scene, stored);
    expect(again.outcome).toMatchObject({ fault: null });
    await expectRight(scene, again);
  });
});
