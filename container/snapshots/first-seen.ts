import type { Git } from '../git/run-git.ts';
import type { BytePath } from './byte-path.ts';
import { indexBytes } from './index-file.ts';
import type { IndexFile } from './index-file.ts';
import type { Place } from './place.ts';
import type { Moves, Seen } from './seen.ts';
import { isRacy, lookAt } from './sweep.ts';
import type { Look } from './sweep.ts';
import { findUnconverted } from './unconverted.ts';
import { racyFrom } from './worktree-facts.ts';

/**
 * Where a first capture starts from: what the agent's own index knows of files that are the same on disk and in the
 * repository. All else counts as not seen yet.
 */
export async function firstSeen(
  git: Git,
  place: Place,
  {
    index,
    indexMtimeMs,
    rules,
    signal,
  }: { index: IndexFile; indexMtimeMs: number; rules: string; signal: AbortSignal },
): Promise<{ seen: Seen; moves: Moves }> {
  const at = Date.now();
  const { looks, same } = await findUnconverted(git, place, {
    index,
    younger: racyFrom(indexMtimeMs),
    signal,
  });
  const plain = same.map((entry) => ({ ...entry, assumeUnchanged: false, skipWorktree: false }));
  const files = new Map<BytePath, Look>(same.map(({ path }) => [path, looks.get(path) ?? 'gone']));
  const none = new Set<BytePath>();
  const seen: Seen = {
    at,
    files,
    folders: new Map(),
    leftOut: new Map(),
    pinned: new Map(),
    odd: { bare: none, special: none, nested: none, ignored: none },
    seed: { bytes: indexBytes(plain, place.store.format), mtimeMs: indexMtimeMs },
    rules,
  };
  const changedFiles = [...files].filter(([, look]) => isRacy(look, at)).map(([path]) => path);
  const folders = new Map([['', lookAt(place.dir, '')]]);
  return { seen, moves: { at, files, folders, changedFiles, changedFolders: [''] } };
}
