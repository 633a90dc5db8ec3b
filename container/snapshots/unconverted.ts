import type { Git, GitCommand } from '../git/run-git.ts';
import { bytesBehind } from '../files/read.ts';
import { linesOf, onDisk, quoted, unquoted } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
import { GITLINK } from './index-file.ts';
import type { IndexEntry, IndexFile } from './index-file.ts';
import { runNamed } from './named-git.ts';
import { foldersAbove } from './odd-places.ts';
import type { Place } from './place.ts';
import { kindOf, sweep } from './sweep.ts';
import type { Look } from './sweep.ts';
import { isUnchanged } from './worktree-facts.ts';

/** Conversions that need not change a file's size; line endings and `$Id$` always do. */
const SIZELESS = /\bfilter\b|\bworking-tree-encoding\b/;

/** The files of an index, as they are on disk now, and the entries of those that are certainly the same as their blob. */
export interface Unconverted {
  readonly looks: Map<BytePath, Look>;
  readonly same: IndexEntry[];
}

/**
 * Finds the files that need not be read because git has compared them and their bytes are those of the blob. What git
 * converts between the two (https://git-scm.com/docs/gitattributes) is not among them: unchanged for git is not the
 * same there. Nor are those written from `younger` on, in epoch milliseconds.
 */
export async function findUnconverted(
  git: Git,
  place: Place,
  { index, younger, signal }: { index: IndexFile; younger: number; signal: AbortSignal },
): Promise<Unconverted> {
  const candidates = index.entries.filter(
    ({ stage, mode, intentToAdd }) => stage === 0 && mode !== GITLINK && !intentToAdd,
  );
  const looks = await sweep(
    place.dir,
    candidates.map(({ path }) => path),
    signal,
  );
  const unchanged = candidates.filter((entry) => {
    const look = looks.get(entry.path) ?? 'gone';
    return typeof look !== 'string' && isUnchanged(entry, look, younger);
  });
  const sizes = await blobSizes(git, place, unchanged, { signal });
  const sameSize = unchanged.filter(({ path, oid }) => {
    const look = looks.get(path) ?? 'gone';
    return typeof look !== 'string' && (kindOf(look) === 'link' || look.size === sizes.get(oid));
  });
  const filtered = await findFiltered(git, place, sameSize, { signal });
  return { looks, same: sameSize.filter(({ path }) => !filtered.has(path)) };
}

async function blobSizes(
  git: Git,
  { admin }: Place,
  entries: readonly IndexEntry[],
  command: GitCommand,
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  if (entries.length === 0) return sizes;
  const input = [...new Set(entries.map(({ oid }) => oid))].map((oid) => `${oid}\n`).join('');
  const args = ['cat-file', '--batch-check=%(objectname) %(objectsize)', '--buffer'];
  for (const line of linesOf(await runNamed(git, { gitDir: admin }, args, { ...command, input }))) {
    const [oid = '', size = ''] = line.split(' ');
    if (/^\d+$/.test(size)) sizes.set(oid, Number(size));
  }
  return sizes;
}

/** The files with a filter or an encoding. */
async function findFiltered(
  git: Git,
  { dir, admin, attributes }: Place,
  entries: readonly IndexEntry[],
  command: GitCommand,
): Promise<Set<BytePath>> {
  const filtered = new Set<BytePath>();
  const inside = ['', ...foldersAbove(entries.map(({ path }) => path))];
  const files = inside.map((folder) =>
    onDisk(dir, folder === '' ? '.gitattributes' : `${folder}/.gitattributes`),
  );
  const texts = [...attributes, ...files].map((file) => bytesBehind(file)?.toString('latin1') ?? '');
  if (entries.length === 0 || !texts.some((text) => SIZELESS.test(text))) return filtered;
  const input = entries.map(({ path }) => `${quoted(path)}\n`).join('');
  const args = ['check-attr', '--stdin', 'filter', 'working-tree-encoding'];
  for (const line of linesOf(
    await runNamed(git, { gitDir: admin, workTree: dir }, args, { ...command, input }),
  )) {
    const [, path, value] = /^(.*): (?:filter|working-tree-encoding): (.*)$/.exec(line) ?? [];
    if (path !== undefined && value !== 'unspecified' && value !== 'unset') filtered.add(unquoted(path));
  }
  return filtered;
}
