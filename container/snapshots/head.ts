import type { Git, GitCommand } from '../git/run-git.ts';
import { headOf } from '../git/worktree-head.ts';
import type { AgentState } from './agent-state.ts';
import { linesOf } from './byte-path.ts';
import { runNamed } from './named-git.ts';
import type { Place } from './place.ts';
import type { SnapshotMeta } from './snapshot-meta.ts';

/** Commits and trees that a snapshot is made on top of. */
export interface Heads extends Pick<SnapshotMeta, 'head' | 'branchTip' | 'upstream'> {
  readonly headTree: string | null;
  /** What the state files and the index name, and is here. */
  readonly named: readonly { readonly oid: string; readonly type: string }[];
}

const OBJECT_NAME = /\b[0-9a-f]{7,64}\b/g;

/** More names than any real operation has; a rebase of thousands of commits has them in its branch anyway. */
const NAMES_MAX = 20_000;

/** Resolves HEAD, the branch, and every object that the state names, in one command. */
export async function readHeads(
  git: Git,
  place: Place,
  state: AgentState,
  { branch, objects, command }: { branch: string; objects: readonly string[]; command: GitCommand },
): Promise<Heads> {
  const ref = /^ref: (refs\/heads\/.+)$/.exec(state.head)?.[1] ?? null;
  // The HEAD that was read with the index, not the one that is there by now.
  const asked = [
    ref ?? state.head,
    `${ref ?? state.head}^{tree}`,
    `refs/heads/${branch}`,
    `refs/remotes/origin/${branch}`,
  ];
  const names = [...new Set([...objects, ...namesIn(state)])].slice(0, NAMES_MAX);
  const input = [...asked, ...names].map((name) => `${name}\n`).join('');
  const checked = await runNamed(git, { gitDir: place.admin }, ['cat-file', '--batch-check'], {
    ...command,
    input,
  });
  const answers = linesOf(checked).map((line) => {
    const [, oid, type] = /^([0-9a-f]{40,64}) (commit|tree|blob|tag) \d+$/.exec(line) ?? [];
    return oid === undefined || type === undefined ? null : { oid, type };
  });
  const [head, headTree, branchTip, upstream] = answers.map((answer) => answer?.oid ?? null);
  // "Missing" is said of a branch without commits as of one whose commit is lost: the second is an error.
  if (head === null) await headOf(git, place.dir);
  return {
    head: { ref, commit: head ?? null },
    headTree: headTree ?? null,
    branchTip: branchTip ?? null,
    upstream: upstream ?? null,
    named: answers.slice(asked.length).filter((answer) => answer !== null),
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
