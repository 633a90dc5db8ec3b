import type { Git } from '../git/run-git.ts';
import { readAgentState } from './agent-state.ts';
import type { AgentState } from './agent-state.ts';
import { firstSeen } from './first-seen.ts';
import { leftOutOf } from './left-out.ts';
import { readNamedObjects } from './named-objects.ts';
import type { NamedObjects } from './named-objects.ts';
import type { Place } from './place.ts';
import { withPrivateRepo } from './private-repo.ts';
import { findMoves } from './seen.ts';
import type { Moves, Seen } from './seen.ts';
import type { LeftOut } from './snapshot-meta.ts';
import { readStaged } from './staged.ts';
import type { Staged } from './staged.ts';
import { isRacy, isSame } from './sweep.ts';
import type { TakenSession } from './take-session.ts';
import { takeTree } from './take-tree.ts';
import type { TakenTree } from './take-tree.ts';
import type { WorktreeFacts } from './worktree-facts.ts';

/** HEAD, index and operations in progress, all of one moment. */
export interface Base {
  readonly state: AgentState;
  readonly staged: Staged;
  readonly named: NamedObjects;
}

/** The files of a worktree, what git does not keep of them, and what had to be left out. */
export interface TakenFiles {
  readonly tree: string;
  readonly seen: Seen;
  readonly facts: WorktreeFacts;
  readonly leftOut: readonly LeftOut[];
}

/** Everything of a worktree, and the session of the agent that works in it. */
export interface Taken extends Base, TakenFiles {
  readonly session: TakenSession;
}

/** Takes the state, all of one moment; it is `before` while nothing has moved. */
export async function takeBase(
  git: Git,
  place: Place,
  { branch, before, signal }: { branch: string; before: Base | null; signal: AbortSignal },
): Promise<Base> {
  const command = { signal };
  const state = await readAgentState(place, branch, signal);
  if (before?.state.key === state.key) return before;
  const staged = await readStaged(git, place, state, { before: before?.staged ?? null, command });
  const named = await readNamedObjects(git, place, state, { staged: staged.objects, command });
  return { state, staged, named };
}

interface FilesTask {
  readonly base: Base;
  readonly before: Seen | null;
  /** What is known to have moved since `before`; null when that is still to be found out. */
  readonly moves: Moves | null;
  readonly rules: string;
  readonly limits: { readonly maxFileBytes: number; readonly maxTotalBytes: number };
  readonly signal: AbortSignal;
}

/** Reads the files, starting from what was seen `before`. */
export async function takeFiles(git: Git, place: Place, task: FilesTask): Promise<TakenFiles> {
  const { base, before, rules, limits, signal } = task;
  const { staged, state } = base;
  const { index } = staged;
  const { indexMtimeMs } = state;
  const take = async (seen: Seen | null, moves: Moves): Promise<TakenTree> =>
    withPrivateRepo(git, place, { signal }, async (own) =>
      takeTree({ git, own, place, index, indexMtimeMs, seen, moves, rules, signal, ...limits }),
    );
  const takeAnew = async (): Promise<TakenTree> => {
    if (index === null) return take(null, await findMoves(place.dir, null, signal));
    const { seen, moves } = await firstSeen(git, place, { index, indexMtimeMs, rules, signal });
    return take(seen, moves);
  };
  let result: TakenTree;
  if (before?.rules !== rules) result = await takeAnew();
  else {
    result = await take(before, task.moves ?? (await findMoves(place.dir, before, signal)));
    // What was ignored may no longer be, and the other way round.
    if (ignoreFilesMoved(before, result.seen)) result = await takeAnew();
  }
  return { ...result, leftOut: leftOutOf(place.dir, result.seen) };
}

function ignoreFilesMoved(before: Seen, now: Seen): boolean {
  const isRule = (path: string): boolean => path === '.gitignore' || path.endsWith('/.gitignore');
  for (const [path, look] of now.files) {
    if (isRule(path) && (!isSame(before.files.get(path), look) || isRacy(look, before.at))) return true;
  }
  for (const path of before.files.keys()) if (isRule(path) && !now.files.has(path)) return true;
  return false;
}
