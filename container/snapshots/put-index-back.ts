import { lstatSync, lutimesSync } from 'node:fs';
import { join } from 'node:path';
import { removeFile, writeWhole } from '../files/write.ts';
import type { Git, GitCommand } from '../git/run-git.ts';
import { linesOf, onDisk, unquoted } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
import { indexBytes, statusBytes } from './index-file.ts';
import type { StagedEntry } from './index-file.ts';
import { runNamed } from './named-git.ts';
import type { Place } from './place.ts';
import type { SavedState } from './saved-state.ts';
import { kindOf, lookAt } from './sweep.ts';

/**
 * How much older than the index files are made, in seconds. Git rereads files as young as their index, in whole
 * seconds (https://git-scm.com/docs/racy-git), and would then find those changed whose line endings it converts.
 */
const AGE_S = 2;

/**
 * Puts the index back: the entries of the tree, and what the tree cannot say. Files that were unchanged for git by
 * their status alone are so again. Returns how many files are tracked.
 */
export async function putIndexBack(
  git: Git,
  { admin, repo, dir, store }: Place,
  { saved, commit, command }: { saved: SavedState; commit: string; command: GitCommand },
): Promise<number> {
  const file = join(admin, 'index');
  if (saved.index === null) {
    removeFile(file);
    return 0;
  }
  const listed = await runNamed(git, { gitDir: repo }, ['ls-tree', '-r', '--full-tree', commit], command);
  const entries = new Map<string, StagedEntry>();
  for (const line of linesOf(listed)) {
    const entry = entryFrom(line);
    entries.set(`${entry.path}\0${entry.stage}`, entry);
  }
  for (const entry of saved.index.special) entries.set(`${entry.path}\0${entry.stage}`, entry);
  const { all, paths } = saved.facts.unchanged;
  const named = new Set(paths);
  const past = Math.floor(Date.now() / 1000) - AGE_S;
  const withStatus = [...entries.values()].map((entry) => {
    const known = entry.stage === 0 && !entry.intentToAdd && named.has(entry.path) !== all;
    return { ...entry, status: known ? settledStatus(dir, entry.path, past) : null };
  });
  const bytes = indexBytes(withStatus, store.format, Buffer.from(saved.index.undo, 'base64'));
  writeWhole(file, bytes);
  return new Set(withStatus.map(({ path }) => path)).size;
}

function entryFrom(line: string): StagedEntry {
  const [, mode = '', oid = '', path = ''] = /^(\d+) \w+ ([0-9a-f]+)\t(.*)$/.exec(line) ?? [];
  const flags = { assumeUnchanged: false, skipWorktree: false, intentToAdd: false };
  return { path: unquoted(path), mode: Number.parseInt(mode, 8), oid, stage: 0, ...flags };
}

/** The status of a file whose time is no longer that of now; null where there is none to be had. */
function settledStatus(dir: string, path: BytePath, past: number): Buffer | null {
  const look = lookAt(dir, path);
  if (typeof look === 'string' || !['file', 'link'].includes(kindOf(look))) return null;
  const place = onDisk(dir, path);
  if (look.mtimeMs / 1000 > past) lutimesSync(place, past, past);
  return statusBytes(lstatSync(place, { bigint: true }));
}
