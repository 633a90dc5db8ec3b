import { lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
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

/** What this program writes itself, without any git that could be looked for: only an earlier life can have left it. */
const OWN_PART = /^tmp_own_/;

/** Folders of a bare repository in which such files appear. */
const PLACES = ['refs', 'worktrees', 'logs', 'objects/info', 'objects/pack'];

/** Everything in a bare repository that looks like left behind by a killed process. */
export async function findLeftFiles(repo: string): Promise<LeftFile[]> {
  const objects = (await namesOf(join(repo, 'objects'), false)).map((name) => join('objects', name));
  const folders = [...PLACES, ...objects.filter((name) => /\/[0-9a-f]{2}$/.test(name))];
  const deep = await Promise.all(
    folders.map(async (folder) =>
      (await namesOf(join(repo, folder), true)).map((name) => join(folder, name)),
    ),
  );
  const all = [...(await namesOf(repo, false)), ...objects, ...deep.flat()].map((name) => join(repo, name));
  const [gits, own] = await Promise.all(
    [LEFT_BEHIND, OWN_PART].map(async (kind) => await lookAll(all, kind)),
  );
  return [...(gits ?? []), ...(own ?? []).filter(({ changedAt }) => changedAt < performance.timeOrigin)];
}

async function lookAll(paths: readonly string[], kind: RegExp): Promise<LeftFile[]> {
  const left = paths.filter((path) => kind.test(basename(path)));
  return (await Promise.all(left.map(look))).filter((file) => file !== null);
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
