import type { Git } from '../git/run-git.ts';
import type { BytePath } from './byte-path.ts';
import type { IndexFile } from './index-file.ts';
import { TreeEditor } from './file-tree.ts';
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
  const files = new Map<BytePath, Look>(same.map(({ path }) => [path, looks.get(path) ?? 'gone']));
  const tree = new TreeEditor(null);
  for (const { path, mode, oid } of same) tree.set(path, { mode: mode.toString(8), oid });
  const none = new Set<BytePath>();
  const odd = { bare: none, special: none, nested: none, ignored: none };
  const seen: Seen = {
    at,
    files,
    folders: new Map(),
    leftOut: new Map(),
    root: tree.root,
    submodules: none,
    odd,
    rules,
  };
  const changedFiles = [...files].filter(([, look]) => isRacy(look, at)).map(([path]) => path);
  const folders = new Map([['', lookAt(place.dir, '')]]);
  return { seen, moves: { at, files, folders, changedFiles, changedFolders: [''] } };
}
