import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removeAny } from '../files/write.ts';
import { isAbsence } from './worktree-marks.ts';

/** A file that git leaves behind when it is killed; `key` tells it from a later one of the same name. */
export interface LeftFile {
  readonly path: string;
  readonly key: string;
  readonly changedAt: number;
}

/** Lock files of refs, index, configuration and shallow boundary, and half-received packs and objects. */
const LEFT_BEHIND = /(?:\.lock|^packed-refs\.new|^gc\.pid)$|^tmp_(?:pack|idx|rev|obj|objdir-incoming)[-_]/;

/** Folders of a bare repository in which such files appear; `objects/xx` is not worth the walk. */
const PLACES = ['refs', 'worktrees', 'logs', 'objects/info', 'objects/pack'];

/** Everything in a bare repository that looks like left behind by a killed git process. */
export async function findLeftFiles(repo: string): Promise<LeftFile[]> {
  const top = await namesOf(repo, false);
  const deep = await Promise.all(
    PLACES.map(async (place) => (await namesOf(join(repo, place), true)).map((name) => join(place, name))),
  );
  const names = [...top, ...deep.flat()].filter((name) => LEFT_BEHIND.test(name.split('/').at(-1) ?? ''));
  const found = await Promise.all(names.map((name) => look(join(repo, name))));
  return found.filter((file) => file !== null);
}

/**
 * Whether nobody holds the file. `live` tells whether any git process works in the rig; where that is unknown (null)
 * only a file older than this process (epoch ms) is certain to be left over.
 */
export function isStale(file: LeftFile, live: boolean | null, processStartedAt: number): boolean {
  return live === null ? file.changedAt < processStartedAt : !live;
}

/** Removes the file unless another one has taken its name since it was found. */
export async function removeLeftFile(file: LeftFile): Promise<void> {
  const now = await look(file.path);
  if (now?.key === file.key) await removeAny(file.path);
}

async function look(path: string): Promise<LeftFile | null> {
  try {
    const { ino, mtimeMs } = await lstat(path);
    return { path, key: `${ino}:${mtimeMs}`, changedAt: mtimeMs };
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

async function namesOf(dir: string, recursive: boolean): Promise<string[]> {
  try {
    return await readdir(dir, { recursive });
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}
