import type { FolderNode } from './file-tree.ts';

const POOL = new Map<string, WeakRef<FolderNode>>();
const gone = new FinalizationRegistry<string>((key) => {
  if (POOL.get(key)?.deref() === undefined) POOL.delete(key);
});

/**
 * The one folder in memory of all that are equal to this one and in the same repository: the worktrees of a rig hold the
 * same files for the most part. It has to have the name of its tree, and so has every folder below it.
 */
export function sharedFolder(repository: string, folder: FolderNode): FolderNode {
  const key = `${repository} ${folder.oid ?? ''}`;
  const known = POOL.get(key)?.deref();
  if (known !== undefined) return known;
  const folders = new Map(
    [...folder.folders].map(([name, below]) => [name, sharedFolder(repository, below)]),
  );
  const shared: FolderNode = { entries: folder.entries, folders, oid: folder.oid };
  POOL.set(key, new WeakRef(shared));
  gone.register(shared, key);
  return shared;
}
