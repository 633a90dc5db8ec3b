import { readdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { RelightError } from '../../src/contract/errors.ts';
import { CACHE_MAX_BYTES } from '../../src/contract/repo-cache.ts';
import { ownerOf } from '../files/owner.ts';
import { removeTree } from '../files/write.ts';
import { repoDir } from '../git/layout.ts';
import { inBackground } from '../git/run-git.ts';
import type { Git, GitCommand } from '../git/run-git.ts';
import { sha256Of } from '../snapshots/bundle.ts';
import { makeFolderOfOwn } from '../snapshots/private-repo.ts';
import { formatOf } from '../git/remote-refs.ts';
import { makeOwnRepo } from './own-repo.ts';

/** What a cache consists of: packs, and what makes them usable without a look at every object. */
export const PACK_FILE = /^pack-(?:[0-9a-f]{40}|[0-9a-f]{64})\.(?:pack|idx|rev)$/;

/** What a pack has before its objects. */
const PACK_HEADER_BYTES = 12;

/** A cache in a file, which is gone when the work with it ends. */
export interface MadeCache {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A rig's repository as far as commits lead that the remote has named. */
export interface CacheView {
  /** Those of the commits that are here. */
  readonly tips: readonly string[];
  /** How much the repository has of what these commits lead to and others do not, in bytes. */
  measure(tips: readonly string[], but?: readonly string[]): Promise<number>;
  /** How many commits these lead to that others do not lead to; null where one of them is not here. */
  count(tips: readonly string[], but: readonly string[]): Promise<number | null>;
  /** Packs all that the tips lead to, or with `blobless` what is checked out of them and no other contents. */
  pack<Result>(blobless: boolean, use: (made: MadeCache) => Promise<Result>): Promise<Result>;
}

/**
 * Looks at a rig's repository through one of Relight's own, which has its objects and nothing else of it: no refs, no
 * configuration, no replacements and grafts that agents may have made. What is packed is what git sends to somebody who
 * asks for `tips`, so nothing that these do not lead to; and as it is taken in anew, each object is what its name says.
 */
export async function withView<Result>(
  git: Git,
  rig: string,
  { tips, signal }: { tips: readonly string[]; signal?: AbortSignal | undefined },
  work: (view: CacheView) => Promise<Result>,
): Promise<Result> {
  const quiet = inBackground(git);
  const repo = repoDir(git.workspace, rig);
  const folder = makeFolderOfOwn(repo, ownerOf(repo));
  const dir = join(folder, 'view');
  const command: GitCommand = { signal };
  const objectFormat = formatOf(tips[0] ?? '');
  try {
    await makeOwnRepo(quiet, folder, { dir, objectFormat, borrowed: join(repo, 'objects') }, command);
    const here = await commitsIn(quiet, dir, tips, command);
    return await work({
      tips: here,
      measure: async (of, but = []) => {
        const revs = ['--disk-usage', '--objects', '--missing=allow-any', '--stdin'];
        const input = linesFor(of, await commitsIn(quiet, dir, but, command));
        return Number(await quiet.run(dir, ['rev-list', ...revs], { ...command, input }));
      },
      count: async (of, but) => {
        if ((await commitsIn(quiet, dir, of, command)).length < of.length) return null;
        const input = linesFor(of, but);
        return Number(await quiet.run(dir, ['rev-list', '--count', '--stdin'], { ...command, input }));
      },
      pack: async (blobless, use) =>
        await use(await packAll(quiet, { folder, dir, objectFormat, tips: here, blobless }, command)),
    });
  } finally {
    await removeTree(folder);
  }
}

interface Packing {
  readonly folder: string;
  readonly dir: string;
  readonly objectFormat: 'sha1' | 'sha256';
  readonly tips: readonly string[];
  readonly blobless: boolean;
}

async function packAll(git: Git, packing: Packing, command: GitCommand): Promise<MadeCache> {
  const { folder, dir: view, objectFormat, tips, blobless } = packing;
  const dir = join(folder, 'packed');
  await makeOwnRepo(git, folder, { dir, objectFormat }, command);
  const contents = blobless ? await contentsOf(git, view, tips, command) : [];
  const options = [
    '--stdin',
    '--no-tags',
    '--no-write-fetch-head',
    ...(blobless ? ['--filter=blob:none'] : []),
  ];
  const input = [...tips, ...contents].map((oid) => `${oid}\n`).join('');
  await git.run(dir, ['-c', `remote.origin.url=${view}`, 'fetch', '--quiet', ...options, 'origin'], {
    ...command,
    input,
  });
  const packs = join(dir, 'objects', 'pack');
  const names = readdirSync(packs).filter((name) => PACK_FILE.test(name));
  const whole = names.filter((name) => name.endsWith('.pack')).map((name) => join(packs, name));
  await proveNothingElse(git, dir, whole, packing, command);
  const file = join(folder, 'cache.tar');
  const { signal } = command;
  await execa('nice', ['tar', '-c', '-f', file, '-C', packs, '--', ...names], {
    ...ownerOf(folder),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  await removeTree(dir);
  const { size: bytes } = await stat(file);
  if (bytes > CACHE_MAX_BYTES) {
    throw new RelightError('cache_too_large', `the cache has ${bytes} bytes; ${CACHE_MAX_BYTES} are allowed`);
  }
  return { file, bytes, sha256: await sha256Of(file) };
}

/**
 * Agents can write in the repository that the objects come from: an index of theirs may lead git to other contents than it
 * asked for. Here each object has the name that it deserves, so each byte has to be of one that the tips lead to
 * (https://git-scm.com/docs/gitformat-pack).
 */
async function proveNothingElse(
  git: Git,
  dir: string,
  packs: readonly string[],
  { tips, objectFormat }: Packing,
  command: GitCommand,
): Promise<void> {
  const around = PACK_HEADER_BYTES + (objectFormat === 'sha1' ? 20 : 32);
  const sizes = await Promise.all(packs.map(async (pack) => (await stat(pack)).size - around));
  const revs = ['rev-list', '--disk-usage', '--objects', '--missing=allow-any', '--stdin'];
  const reached = Number(await git.run(dir, revs, { ...command, input: linesFor(tips, []) }));
  if (sizes.reduce((sum, size) => sum + size, 0) === reached) return;
  throw new RelightError('cache_corrupt', 'the repository gives out what its commits do not lead to');
}

/** The contents that a checkout of the commits needs, as far as they are here. */
async function contentsOf(
  git: Git,
  dir: string,
  tips: readonly string[],
  command: GitCommand,
): Promise<string[]> {
  const kind = ['--filter=object:type=blob', '--filter-provided-objects'];
  const revs = ['--objects', '--no-object-names', '--no-walk', '--missing=allow-any', ...kind, '--stdin'];
  const listed = await git.run(dir, ['rev-list', ...revs], { ...command, input: linesFor(tips, []) });
  return listed.split('\n').filter((line) => line !== '');
}

async function commitsIn(
  git: Git,
  dir: string,
  oids: readonly string[],
  command: GitCommand,
): Promise<string[]> {
  if (oids.length === 0) return [];
  const answers = await git.run(dir, ['cat-file', '--batch-check'], {
    ...command,
    input: linesFor(oids, []),
  });
  return answers.split('\n').flatMap((line) => /^([0-9a-f]{40,64}) commit /.exec(line)?.[1] ?? []);
}

function linesFor(tips: readonly string[], but: readonly string[]): string {
  return [...tips, ...but.map((tip) => `^${tip}`)].map((line) => `${line}\n`).join('');
}
