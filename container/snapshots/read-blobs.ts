import { closeSync, constants, fstatSync, readFileSync, readlinkSync } from 'node:fs';
import { inFolderOf, openPlain } from '../files/plain-path.ts';
import { GitFailure } from '../git/errors.ts';
import { linesOf, onDisk, quoted } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
import type { Refusal, Sorted } from './candidates.ts';
import { writeObject } from './object-store.ts';
import type { TreeEntry } from './file-tree.ts';
import type { Place } from './place.ts';
import type { PrivateRepo } from './private-repo.ts';
import { kindOf } from './sweep.ts';
import type { Look } from './sweep.ts';

/** What became of files: an entry of a tree, or the reason why it is none. */
export interface ReadBlobs {
  readonly entries: Map<BytePath, TreeEntry>;
  readonly refused: Map<BytePath, Refusal>;
}

const OWNER_EXECUTES = 0o100;

/** So many files of this size at most are read here and not by git. */
const [FEW_FILES, SMALL_BYTES] = [16, 256 * 1024];

const GONE_OR_CLOSED = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM', 'EISDIR', 'ENXIO']);

/** Puts files into the repository as they are, byte for byte. One that cannot be read does not keep others from it. */
export async function readBlobs(own: PrivateRepo, place: Place, { add, looks }: Sorted): Promise<ReadBlobs> {
  const read: ReadBlobs = { entries: new Map(), refused: new Map() };
  const files: BytePath[] = [];
  for (const path of add) {
    const look = looks.get(path) ?? 'gone';
    if (kindOf(look) !== 'link') files.push(path);
    else await readLink(place, path, read);
  }
  const few = files.length <= FEW_FILES && files.every((path) => isSmall(looks.get(path) ?? 'gone'));
  const oids = few ? await readFiles(place, files, read.refused) : await hashFiles(own, files, read.refused);
  for (const [path, oid] of oids) {
    const look = looks.get(path) ?? 'gone';
    const runs = typeof look !== 'string' && (look.mode & OWNER_EXECUTES) !== 0;
    read.entries.set(path, { mode: runs ? '100755' : '100644', oid });
  }
  return read;
}

async function readLink({ dir, store }: Place, path: BytePath, read: ReadBlobs): Promise<void> {
  try {
    const target = inFolderOf(onDisk(dir, path), (link) => readlinkSync(link, { encoding: 'buffer' }));
    read.entries.set(path, { mode: '120000', oid: await writeObject(store, 'blob', target) });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (!['ENOENT', 'EINVAL', 'ENOTDIR', 'ELOOP'].includes(String(code))) throw error;
    read.refused.set(path, { reason: 'changed while it was read', bytes: null });
  }
}

function isSmall(look: Look): boolean {
  return typeof look !== 'string' && look.size <= SMALL_BYTES;
}

/** Writes a few small files as blobs, by path: sooner done than git starts. */
async function readFiles(
  { dir, store }: Place,
  paths: readonly BytePath[],
  refused: Map<BytePath, Refusal>,
): Promise<[BytePath, string][]> {
  const read: [BytePath, string][] = [];
  for (const path of paths) {
    const bytes = readWhole(onDisk(dir, path));
    if (bytes === null) refused.set(path, { reason: 'changed while it was read', bytes: null });
    else read.push([path, await writeObject(store, 'blob', bytes)]);
  }
  return read;
}

/** The bytes of a file; null where there is none by now that could be read. */
function readWhole(path: string | Buffer): Buffer | null {
  try {
    // What came into the place of the file since may be a link, or a FIFO that nobody writes to.
    const fd = openPlain(path, constants.O_RDONLY);
    try {
      return fstatSync(fd).isFile() ? readFileSync(fd) : null;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (GONE_OR_CLOSED.has(code)) return null;
    throw error;
  }
}

/**
 * Writes files as blobs, by path. Without filters (https://git-scm.com/docs/git-hash-object) no attribute and no
 * setting changes a byte.
 */
async function hashFiles(
  own: PrivateRepo,
  paths: readonly BytePath[],
  refused: Map<BytePath, Refusal>,
): Promise<[BytePath, string][]> {
  if (paths.length === 0) return [];
  try {
    const input = paths.map((path) => `${quoted(path)}\n`).join('');
    const oids = linesOf(await own.run(['hash-object', '-w', '--no-filters', '--stdin-paths'], input));
    return paths.map((path, n) => [path, oids[n] ?? '']);
  } catch (error) {
    if (!(error instanceof GitFailure) || error.exitCode === null || error.code === 'disk_full') throw error;
    const [first] = paths;
    if (paths.length === 1 && first !== undefined) {
      refused.set(first, { reason: `could not be read (${error.message})`, bytes: null });
      return [];
    }
    // Git gives up at the first one: halving finds the culprits.
    const half = paths.length >> 1;
    const before = await hashFiles(own, paths.slice(0, half), refused);
    return [...before, ...(await hashFiles(own, paths.slice(half), refused))];
  }
}
