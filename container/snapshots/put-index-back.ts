import { lstatSync, lutimesSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onDisk } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
import { withStatus } from './index-file.ts';
import type { Place } from './place.ts';
import type { SavedState } from './saved-state.ts';
import { kindOf, lookAt } from './sweep.ts';

/**
 * How much older than the index files are made. Git rereads files as young as their index, in whole seconds
 * (https://git-scm.com/docs/racy-git), and would then find those changed whose line endings it converts.
 */
const AGE_S = 2;

/** Puts the index back. Files that were unchanged for git by their status alone are so again. */
export async function putIndexBack({ admin, dir }: Place, { index, facts }: SavedState): Promise<void> {
  const file = join(admin, 'index');
  if (index === null) {
    await rm(file, { force: true });
    return;
  }
  const { all, paths } = facts.unchanged;
  const named = new Set(paths);
  const stats = new Map<BytePath, BigIntStats>();
  const past = Math.floor(Date.now() / 1000) - AGE_S;
  for (const { path, stage } of index.entries) {
    if (stage !== 0 || named.has(path) === all) continue;
    const stat = settledStat(dir, path, past);
    if (stat !== null) stats.set(path, stat);
  }
  await writeFile(`${file}.relight`, withStatus(index, stats));
  await rename(`${file}.relight`, file);
}

/** The status of a file whose time is no longer that of now; null where there is none to be had. */
function settledStat(dir: string, path: BytePath, past: number): BigIntStats | null {
  const look = lookAt(dir, path);
  if (!['file', 'link'].includes(kindOf(look)) || typeof look === 'string') return null;
  const place = onDisk(dir, path);
  if (look.mtimeMs / 1000 > past) lutimesSync(place, past, past);
  return lstatSync(place, { bigint: true });
}
