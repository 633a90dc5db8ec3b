import type { Git, GitCommand } from '../git/run-git.ts';
import { linesOf } from './byte-path.ts';
import { planTrees } from './file-tree.ts';
import { sharedFolder } from './shared-folders.ts';
import type { FolderNode } from './file-tree.ts';
import { runNamed } from './named-git.ts';
import { writeObject } from './object-store.ts';
import type { Place } from './place.ts';

/** From so many trees on git is asked which are there: a few are written sooner than git starts. */
const ASK_FROM = 16;

/**
 * Puts a folder and all below it into the repository, as far as that is not known to be there. Gives the tree's name and the
 * folder, which is not to be changed any more: equal ones are one.
 */
export async function writeTrees(
  git: Git,
  { admin, store }: Place,
  root: FolderNode,
  command: GitCommand,
): Promise<{ tree: string; root: FolderNode }> {
  const { root: tree, planned } = planTrees(root, store.format);
  let present = new Set<string>();
  if (planned.length >= ASK_FROM) {
    const input = planned.map(({ oid }) => `${oid}\n`).join('');
    const checked = await runNamed(git, { gitDir: admin }, ['cat-file', '--batch-check'], {
      ...command,
      input,
    });
    present = new Set(linesOf(checked).flatMap((line) => /^([0-9a-f]+) tree /.exec(line)?.[1] ?? []));
  }
  for (const { node, oid, body } of planned) {
    if (!present.has(oid)) await writeObject(store, 'tree', body);
    node.oid = oid;
  }
  return { tree, root: sharedFolder(store.objects, root) };
}
