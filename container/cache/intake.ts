import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { RelightError } from '../../src/contract/errors.ts';
import type { CacheOutcome, RepoCache } from '../../src/contract/repo-cache.ts';
import type { Room } from '../disk/room.ts';
import { bytesOf } from '../files/read.ts';
import { move, removeTree, writeWhole } from '../files/write.ts';
import { asRelightError, faultFrom, GitFailure } from '../git/errors.ts';
import { repoDir } from '../git/layout.ts';
import { trackingRef } from '../git/local-refs.ts';
import type { CachePlaced, CacheUse } from '../git/restore-context.ts';
import type { RemoteRefs } from '../git/remote-refs.ts';
import type { Git } from '../git/run-git.ts';
import { errorFacts, log } from '../log.ts';
import { makeFolderOfOwn } from '../snapshots/private-repo.ts';
import { PACK_FILE } from './make-cache.ts';
import { formatOf } from '../git/remote-refs.ts';
import { INODES, makeOwnRepo } from './own-repo.ts';
import { unpack } from './unpack.ts';

/** What a restore gets the cache from that it begins with. */
export interface IntakeParts {
  readonly git: Git;
  readonly rig: string;
  readonly cache: RepoCache;
  /** The bytes of the cache. Throws RelightError. */
  readonly open: (signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>;
  readonly room?: Room | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly stallMs?: number;
}

/** What came on the remote in so long a time is little: it is fetched with its contents, all in one negotiation. */
const LITTLE_SINCE_MS = 48 * 60 * 60_000;

/** What makes a repository one whose missing contents git asks the remote for (https://git-scm.com/docs/partial-clone). */
const PARTIAL = [
  '[core]',
  '\trepositoryformatversion = 1',
  '[remote "origin"]',
  '\tpromisor = true',
  '\tpartialclonefilter = blob:none',
  '',
].join('\n');

/**
 * A stored cache on its way into a new repository. It comes while the remote is asked for its branches, and nothing that
 * goes wrong with it is felt: then everything is fetched. Of what it says nothing is believed but that its objects are the
 * remote's: branches are where the remote says, and whatever it should have and has not is fetched.
 */
export class CacheIntake implements CacheUse {
  readonly #parts: IntakeParts;
  readonly #repo: string;
  readonly #end = new AbortController();
  #startedAt = 0;
  #ms = 0;
  #coming: Promise<string> | null = null;
  #folder: string | null = null;
  #placed = false;
  #fault: RelightError | null = null;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#repo = repoDir(parts.git.workspace, parts.rig);
  }

  /** What became of the cache; undefined where it was not asked for. */
  get outcome(): CacheOutcome | undefined {
    if (this.#coming === null || (!this.#placed && this.#fault === null)) return undefined;
    const fault = this.#fault === null ? null : faultFrom(this.#fault);
    return { sha256: this.#parts.cache.sha256, ms: this.#ms, fault };
  }

  begin(): void {
    if (existsSync(this.#repo) || this.#coming !== null) return;
    this.#startedAt = performance.now();
    this.#coming = this.#bring();
    // Whoever places it hears of it.
    this.#coming.catch(() => undefined);
  }

  async place({ heads, filters }: RemoteRefs, wanted: readonly string[]): Promise<CachePlaced | null> {
    if (this.#coming === null || this.#fault !== null) return null;
    const { git, rig, cache } = this.#parts;
    try {
      const packs = await this.#coming;
      const [anyHead] = heads.values();
      if (cache.blobless && !filters) throw corrupt('the remote gives no single contents any more');
      if (anyHead?.length !== cache.tips[0]?.length) throw corrupt('it is of another object format');
      if (!this.#placed) {
        this.#placed = true;
        this.#move(packs);
      }
      const known = new Set(cache.tips);
      const here = [...new Set(wanted)].filter((branch) => known.has(heads.get(branch) ?? ''));
      const input = here.map((branch) => `update ${trackingRef(branch)} ${heads.get(branch)}\n`).join('');
      if (input !== '') await git.run(this.#repo, ['update-ref', '--stdin'], { input });
      this.#ms = performance.now() - this.#startedAt;
      log.info('cache.used', { rig, bytes: cache.bytes, blobless: cache.blobless, ms: Math.round(this.#ms) });
      const tips = cache.tips.map((tip) => `--negotiation-tip=${tip}`);
      const options = Date.now() - cache.at <= LITTLE_SINCE_MS ? ['--no-filter', ...tips] : tips;
      return { refs: new Map(here.map((branch) => [trackingRef(branch), heads.get(branch) ?? ''])), options };
    } catch (error) {
      if (this.#placed) throw error;
      this.#fail(error);
      return null;
    } finally {
      await this.#clear();
    }
  }

  async takeBack(error: unknown): Promise<boolean> {
    const { code } = asRelightError(error);
    if (!this.#placed || this.#fault !== null || this.#parts.signal?.aborted === true) return false;
    if (code !== 'git_failed' && code !== 'internal') return false;
    this.#fail(error);
    await removeTree(this.#repo);
    return true;
  }

  /** The restore is over: what is still on its way is not wanted any more. */
  async end(): Promise<void> {
    this.#end.abort();
    await this.#coming?.catch(() => undefined);
    await this.#clear();
  }

  /** The folder with the packs of the cache, once they are known to hold what they have to. */
  async #bring(): Promise<string> {
    const { git, rig, cache, open, room, signal, stallMs } = this.#parts;
    const end = this.#end.signal;
    const stop = signal === undefined ? end : AbortSignal.any([signal, end]);
    const need = { bytes: cache.bytes, inodes: INODES };
    const release = await room?.claim('a repository cache', async () => Promise.resolve(need));
    try {
      const owner = git.users?.rig(rig) ?? null;
      const folder = makeFolderOfOwn(this.#repo, owner);
      this.#folder = folder;
      const dir = join(folder, 'cache');
      await makeOwnRepo(git, folder, { dir, objectFormat: formatOf(cache.tips[0] ?? '') }, { signal: stop });
      const packs = join(dir, 'objects', 'pack');
      await unpack(open, {
        cache,
        dir: packs,
        owner,
        signal: stop,
        ...(stallMs === undefined ? {} : { stallMs }),
      });
      const names = readdirSync(packs);
      if (!names.every((name) => PACK_FILE.test(name)))
        throw corrupt('it has something else in it than packs');
      await this.#prove(dir, stop);
      // What such a pack leads to and is not here, the remote has promised to give.
      for (const name of cache.blobless ? names.filter((each) => each.endsWith('.pack')) : [])
        writeWhole(join(packs, name.replace(/pack$/, 'promisor')), '');
      return packs;
    } finally {
      release?.();
    }
  }

  /**
   * All commits have to be here, because git asks for none that it misses. Of the rest, so does what nobody could be asked
   * for later.
   */
  async #prove(dir: string, signal: AbortSignal): Promise<void> {
    const { git, cache } = this.#parts;
    const kind = cache.blobless ? ['--count'] : ['--objects', '--quiet'];
    const input = cache.tips.map((tip) => `${tip}\n`).join('');
    try {
      await git.run(dir, ['rev-list', ...kind, '--stdin'], { signal, input });
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      throw corrupt(`it lacks what it should have: ${error.message}`, error);
    }
  }

  #move(packs: string): void {
    const { cache } = this.#parts;
    if (cache.blobless) {
      const config = join(this.#repo, 'config');
      writeWhole(config, Buffer.concat([bytesOf(config) ?? Buffer.alloc(0), Buffer.from(PARTIAL)]));
    }
    const isIndex = (name: string): number => Number(name.endsWith('.idx'));
    // A pack is there for git once its index is.
    const names = readdirSync(packs).toSorted((one, other) => isIndex(one) - isIndex(other));
    for (const name of names) move(join(packs, name), join(this.#repo, 'objects', 'pack', name));
  }

  #fail(error: unknown): void {
    const { rig, cache, signal } = this.#parts;
    this.#ms = performance.now() - this.#startedAt;
    if (signal?.aborted === true) return;
    this.#fault = asRelightError(error);
    log.warn('cache.not-used', { rig, sha256: cache.sha256, ...errorFacts(error) });
  }

  async #clear(): Promise<void> {
    const folder = this.#folder;
    this.#folder = null;
    if (folder !== null) await removeTree(folder);
  }
}

function corrupt(reason: string, cause?: unknown): RelightError {
  return new RelightError('cache_corrupt', reason, { cause });
}
