import type { FolderNode } from './file-tree.ts';
import { Pool } from './pool.ts';

const POOL = new Pool<FolderNode>();

/**
 * The one folder in memory of all that are equal to this one and in the same repository: the worktrees of a rig hold the
 * same files for the most part. It has to have the name of its tree, and so has every folder below it.
 */
export function sharedFolder(repository: string, folder: FolderNode): FolderNode {
  return POOL.one(`${repository} ${folder.oid ?? ''}`, () => {
    const folders = new Map(
      [...folder.folders].map(([name, below]) => [name, sharedFolder(repository, below)]),
    );
    return { entries: folder.entries, folders, oid: folder.oid };
  });
}
