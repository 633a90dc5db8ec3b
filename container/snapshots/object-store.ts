import { createHash, randomBytes } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { inFolder } from '../files/plain-path.ts';
import { makeFolder, writeNew } from '../files/write.ts';

const compress = promisify(deflate);

/** The object folder of a repository, and how it names objects. */
export interface ObjectStore {
  readonly objects: string;
  readonly format: 'sha1' | 'sha256';
}

/**
 * Writes a loose object (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects) and returns its name. Done here and
 * not by `git hash-object`: a snapshot needs about ten small objects, and a process for each costs more than the rest.
 */
export async function writeObject(
  store: ObjectStore,
  type: 'blob' | 'tree' | 'commit',
  body: Buffer,
): Promise<string> {
  const whole = Buffer.concat([Buffer.from(`${type} ${body.length}\0`), body]);
  const oid = createHash(store.format).update(whole).digest('hex');
  const folder = join(store.objects, oid.slice(0, 2));
  const file = join(folder, oid.slice(2));
  if (existsSync(file)) return oid;
  const bytes = await compress(whole, { level: 1 });
  makeFolder(folder);
  inFolder(folder, (held) => {
    const part = held.at(`tmp_obj_${randomBytes(6).toString('hex')}`);
    try {
      writeNew(part, bytes, { mode: 0o444, folder: held.stats });
      renameSync(part, held.at(oid.slice(2)));
    } catch (error) {
      rmSync(part, { force: true });
      throw error;
    }
  });
  return oid;
}

/** Writes a commit of Relight's own; `at` is epoch milliseconds. */
export async function writeCommit(
  store: ObjectStore,
  commit: { tree: string; parents: readonly string[]; at: number; message: string },
): Promise<string> {
  const who = `Relight <relight@localhost> ${Math.floor(commit.at / 1000)} +0000`;
  const lines = [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${who}`,
    `committer ${who}`,
    '',
    commit.message,
  ];
  return writeObject(store, 'commit', Buffer.from(lines.join('\n')));
}
