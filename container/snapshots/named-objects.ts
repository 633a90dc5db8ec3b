import type { Git, GitCommand } from '../git/run-git.ts';
import type { AgentState } from './agent-state.ts';
import { linesOf } from './byte-path.ts';
import { SnapshotError } from './errors.ts';
import { runNamed } from './named-git.ts';
import type { Place } from './place.ts';

/** What a snapshot is made on top of: the tree of HEAD, and all that the state files and the index name and is here. */
export interface NamedObjects {
  readonly headTree: string | null;
  readonly objects: readonly { readonly oid: string; readonly type: string }[];
}

const OBJECT_NAME = /\b[0-9a-f]{7,64}\b/g;

/** More names than any real operation has; a rebase of thousands of commits has them in its branch anyway. */
const NAMES_MAX = 20_000;

/** Looks the objects up, in one command. Throws a SnapshotError `misplaced` when a commit that HEAD names is lost. */
export async function readNamedObjects(
  git: Git,
  place: Place,
  state: AgentState,
  { staged, command }: { staged: readonly string[]; command: GitCommand },
): Promise<NamedObjects> {
  const { head, branchTip } = state;
  const commits = [head.commit, branchTip].filter((commit) => commit !== null);
  const trees = head.commit === null ? [] : [`${head.commit}^{tree}`];
  const names = [...new Set([...staged, ...namesIn(state)])].slice(0, NAMES_MAX);
  const asked = [...commits, ...trees, ...names];
  if (asked.length === 0) return { headTree: null, objects: [] };
  const input = asked.map((name) => `${name}\n`).join('');
  const options = { ...command, input };
  const checked = await runNamed(git, { gitDir: place.admin }, ['cat-file', '--batch-check'], options);
  const answers = linesOf(checked).map((line) => {
    const [, oid, type] = /^([0-9a-f]{40,64}) (commit|tree|blob|tag) \d+$/.exec(line) ?? [];
    return oid === undefined || type === undefined ? null : { oid, type };
  });
  for (const [n, commit] of commits.entries()) {
    if (answers[n]?.type === 'commit') continue;
    throw new SnapshotError('misplaced', `the worktree stands on ${commit}, which is not a commit here`);
  }
  return {
    headTree: trees.length === 0 ? null : (answers[commits.length]?.oid ?? null),
    objects: answers.slice(commits.length + trees.length).filter((answer) => answer !== null),
  };
}

function namesIn(state: AgentState): string[] {
  return [...state.files].flatMap(([path, bytes]) =>
    // A list of paths, which may look like anything.
    path === 'info/sparse-checkout'
      ? []
      : [...bytes.toString('latin1').matchAll(OBJECT_NAME)].map(([name]) => name),
  );
}
