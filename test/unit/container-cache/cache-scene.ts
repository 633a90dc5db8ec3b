import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll } from 'vitest';
import { CacheIntake } from '../../../container/cache/intake.ts';
import { withView } from '../../../container/cache/make-cache.ts';
import { repoDir } from '../../../container/git/layout.ts';
import { completeHistory } from '../../../container/git/partial-clone.ts';
import { restoreRig } from '../../../container/git/restore-rig.ts';
import type { CachePlaced } from '../../../container/git/restore-context.ts';
import { createGit } from '../../../container/git/run-git.ts';
import type { Git } from '../../../container/git/run-git.ts';
import { sha256Of } from '../../../container/snapshots/bundle.ts';
import type { RigReport } from '../../../src/contract/recovery.ts';
import type { CacheOutcome, RepoCache } from '../../../src/contract/repo-cache.ts';
import { planFor, RIG, run, Scene } from '../container-git/scene.ts';

export const MINE = 'gt/ada/b1';

/** A stored cache, as a test has it: the tar, and what the Rig knows of it. */
export interface Stored {
  readonly file: string;
  readonly cache: RepoCache;
}

/** A remote that can leave contents out, whose `main` has a history, and on which ada's branch is. */
export function withHistory(scene: Scene): void {
  run(scene.remote, 'config', 'uploadpack.allowFilter', 'true');
  for (const n of [1, 2, 3])
    scene.push('main', { 'src/index.js': `export const n = ${n};\n`, [`deep/er/old${n}.txt`]: `${n}\n` });
  scene.push(MINE, { 'mine.txt': 'mine\n' });
}

let pattern: Promise<{ scene: Scene; whole: Stored; blobless: Stored }> | null = null;

afterAll(async () => (await pattern)?.scene.remove());

/** Gives the scene a remote with a history, and the cache that was stored before the remote went on; made once for all. */
export async function storedFor(scene: Scene, blobless = true): Promise<Stored> {
  pattern ??= makePattern();
  const { scene: made, ...stored } = await pattern;
  for (const folder of ['remotes', 'colleague'])
    cpSync(join(made.root, folder), join(scene.root, folder), { recursive: true });
  const { file, cache } = stored[blobless ? 'blobless' : 'whole'];
  copyFileSync(file, join(scene.root, 'cache.tar'));
  return { file: join(scene.root, 'cache.tar'), cache };
}

async function makePattern(): Promise<{ scene: Scene; whole: Stored; blobless: Stored }> {
  const scene = new Scene();
  withHistory(scene);
  await scene.restore([planFor('ada')]);
  await completeHistory(scene.git, scene.repo, {});
  const [whole, blobless] = [await cacheOf(scene, { blobless: false }), await cacheOf(scene)];
  scene.push('main', { 'src/index.js': 'export const n = 9;\n' });
  scene.push(MINE, { 'mine.txt': 'mine, later\n', 'deep/er/old1.txt': 'new\n' });
  return { scene, whole, blobless };
}

/** Makes a cache of what `main` is on the remote from the repository that the scene's rig has. */
export async function cacheOf(scene: Scene, { blobless = true } = {}): Promise<Stored> {
  const tips = [scene.remoteHead('main')];
  const file = join(scene.root, blobless ? 'blobless.tar' : 'whole.tar');
  return await withView(scene.git, RIG, { tips }, async (view) =>
    view.pack(blobless, async ({ file: made, ...facts }) => {
      copyFileSync(made, file);
      return await Promise.resolve({ file, cache: describe(scene, tips, { blobless, ...facts }) });
    }),
  );
}

/** A tar of what `git pack-objects` makes of some objects, stored with tips that it may not hold. */
export async function forged(
  scene: Scene,
  objects: readonly string[],
  tips: string[],
  blobless = true,
): Promise<Stored> {
  const dir = join(scene.root, 'forged');
  mkdirSync(dir);
  execFileSync('git', ['pack-objects', '--quiet', join(dir, 'pack')], {
    cwd: scene.remote,
    input: objects.join('\n'),
  });
  return await tarred(scene, dir, describe(scene, tips, { blobless, bytes: 1, sha256: '' }));
}

/** The files of a folder as a stored cache. */
export async function tarred(scene: Scene, dir: string, cache: RepoCache): Promise<Stored> {
  const file = join(scene.root, 'forged.tar');
  execFileSync('tar', ['-c', '-f', file, '-C', dir, ...readdirSync(dir)]);
  return { file, cache: { ...cache, bytes: readFileSync(file).length, sha256: await sha256Of(file) } };
}

function describe(
  scene: Scene,
  tips: string[],
  facts: Pick<RepoCache, 'blobless' | 'bytes' | 'sha256'>,
): RepoCache {
  return { gitUrl: scene.url, tips, at: Date.now(), ...facts };
}

/** What a restore on an empty disk came to. */
export interface Again {
  readonly git: Git;
  readonly repo: string;
  readonly report: RigReport;
  readonly outcome: CacheOutcome | undefined;
}

type Place = () => Promise<CachePlaced | null>;

/** What is special about a restore: `placing` has the cache placed in the new repository, and gives what that gave. */
export interface Special {
  readonly open?: () => ReadableStream<Uint8Array>;
  readonly placing?: (place: Place, repo: string) => ReturnType<Place>;
  readonly signal?: AbortSignal;
  readonly at?: number;
  readonly stallMs?: number;
}

/** Restores ada in a workspace of its own, beginning with the cache. */
export async function restoreWith(
  scene: Scene,
  { file, cache }: Stored,
  { open = () => streamOf(file), placing, signal, at = cache.at, stallMs = 60_000 }: Special = {},
): Promise<Again> {
  const git = createGit({ workspace: join(scene.root, 'next') });
  const repo = repoDir(git.workspace, RIG);
  const intake = new CacheIntake({
    git,
    rig: RIG,
    cache: { ...cache, at },
    open: async () => await Promise.resolve(open()),
    stallMs,
    signal,
  });
  const place = intake.place.bind(intake);
  let placed = false;
  intake.place = async (refs, wanted) => {
    const isFirst = !placed;
    placed = true;
    if (!isFirst || placing === undefined) return await place(refs, wanted);
    return await placing(async () => await place(refs, wanted), repo);
  };
  const report = await restoreRig(git, RIG, scene.request([planFor('ada')]), {
    onPhase: () => undefined,
    onAgent: () => undefined,
    cache: intake,
    signal,
  });
  await intake.end();
  return { git, repo, report, outcome: intake.outcome };
}

/** The bytes of a file as they come over the network. */
export function streamOf(file: string): ReadableStream<Uint8Array> {
  return Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>;
}

/** The names of all objects that a repository has. */
export function objectsIn(repo: string): Set<string> {
  const listed = run(repo, 'cat-file', '--batch-check=%(objectname)', '--batch-all-objects', '--unordered');
  return new Set(listed.split('\n'));
}

/** The names of all objects in the packs of a cache. */
export function objectsOf(scene: Scene, { file }: Stored): Set<string> {
  const repo = mkdtempSync(join(scene.root, 'looked-at-'));
  run(scene.root, 'init', '--quiet', '--bare', '--template=', repo);
  execFileSync('tar', ['-x', '-f', file, '-C', join(repo, 'objects', 'pack')]);
  return objectsIn(repo);
}

/** The names of the files in a cache. */
export function filesOf({ file }: Stored): string[] {
  return execFileSync('tar', ['-t', '-f', file], { encoding: 'utf8' }).trimEnd().split('\n');
}

/** Some bytes of a file, and then an end that is none. */
export function brokenAfter(file: string, how: 'error' | 'silence'): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(readFileSync(file).subarray(0, 1_000));
      if (how === 'error') controller.error(new Error('connection reset'));
    },
  });
}

/** The objects in the packs of a repository, but for these packs. */
export function packedIn(repo: string, but: ReadonlySet<string>): string[] {
  const folder = join(repo, 'objects/pack');
  const others = readdirSync(folder).filter((name) => name.endsWith('.pack') && !but.has(name));
  return others.flatMap((name) => {
    const index = readFileSync(join(folder, name.replace(/pack$/, 'idx')));
    const listed = execFileSync('git', ['show-index'], { input: index, encoding: 'utf8' });
    return listed
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '');
  });
}
