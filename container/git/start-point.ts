import { RelightError } from '../../src/contract/errors.ts';
import type { RestoreRequest, WorktreePlan } from '../../src/contract/control.ts';
import type { RemoteRefs } from './remote-refs.ts';

/** Where an agent's branch starts: `remote` is its own branch, `base` another one, `empty` a remote without commits. */
export type StartPoint =
  | { readonly from: 'remote'; readonly commit: string }
  | { readonly from: 'base'; readonly commit: string; readonly base: string }
  | { readonly from: 'empty' };

/** The branch that agents start from unless their plan names one; null when neither rig nor remote names one. */
export function defaultBranchOf(rigsDefault: string | null, remote: RemoteRefs): string | null {
  return rigsDefault ?? remote.defaultBranch;
}

/**
 * Where an agent's branch has to start: the agent's own remote branch always wins. Throws a RelightError
 * `git_ref_conflict` when the remote's other branches leave no room for the name, `missing_base` when there is
 * nothing to start from.
 */
export function planStart(
  plan: Pick<WorktreePlan, 'branch' | 'baseBranch'>,
  rigsDefault: string | null,
  remote: RemoteRefs,
): StartPoint {
  const own = remote.heads.get(plan.branch);
  if (own !== undefined) return { from: 'remote', commit: own };
  for (const head of remote.heads.keys()) {
    if (!plan.branch.startsWith(`${head}/`) && !head.startsWith(`${plan.branch}/`)) continue;
    const reason = `the remote has a branch ${head}, so there can be no ${plan.branch}`;
    throw new RelightError('git_ref_conflict', reason);
  }
  if (remote.heads.size === 0) return { from: 'empty' };
  const base = plan.baseBranch ?? defaultBranchOf(rigsDefault, remote);
  if (base === null) throw new RelightError('missing_base', 'the remote does not name a default branch');
  const commit = remote.heads.get(base);
  if (commit === undefined) throw new RelightError('missing_base', `the remote has no branch ${base}`);
  return { from: 'base', commit, base };
}

/** The commits that the worktrees of a restore start from, as far as they can be known. */
export function startCommits(
  { agents, defaultBranch }: Pick<RestoreRequest, 'agents' | 'defaultBranch'>,
  remote: RemoteRefs,
): ReadonlySet<string> {
  const commits = new Set<string>();
  for (const { branch, baseBranch } of agents) {
    const base = baseBranch ?? defaultBranchOf(defaultBranch, remote);
    const start = remote.heads.get(branch) ?? (base === null ? undefined : remote.heads.get(base));
    if (start !== undefined) commits.add(start);
  }
  return commits;
}
