import { createHash } from 'node:crypto';
import type { Taken } from './take-worktree.ts';

/** Equal for two captures exactly when a second snapshot would hold nothing new; the status of files alone does not count. */
export function identityOf({ bead, branch }: { bead: string; branch: string }, taken: Taken): string {
  const { tree, state, staged, facts, leftOut, session } = taken;
  const files = [...state.files].map(([path, bytes]) => [path, bytes.toString('base64')]);
  const { modes, bareFolders } = facts;
  const all = [
    bead,
    branch,
    tree,
    staged.tree,
    staged.rest,
    state.head,
    state.branchTip,
    modes,
    bareFolders,
    leftOut,
    [...session.files],
    session.leftOut,
  ];
  return createHash('sha1')
    .update(JSON.stringify([all, files]))
    .digest('hex');
}

/** Whether the worktree is what a checkout of HEAD gives, with nothing in progress and no session of its agent. */
export function isPristine({ tree, state, staged, named, facts, leftOut, session }: Taken): boolean {
  const { headTree } = named;
  const { head, branchTip } = state;
  const quiet = [...state.files.keys()].every(
    (path) => path === 'ORIG_HEAD' || path === 'info/sparse-checkout',
  );
  return (
    quiet &&
    tree === headTree &&
    staged.tree === headTree &&
    staged.rest?.special.length === 0 &&
    head.commit === branchTip &&
    facts.modes.others.length === 0 &&
    facts.bareFolders.length === 0 &&
    leftOut.length === 0 &&
    session.files.size === 0 &&
    session.leftOut.length === 0
  );
}
