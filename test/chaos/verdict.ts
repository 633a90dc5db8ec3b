import type { Action } from './actions.ts';
import { nothing, replay } from './histories.ts';
import type { Histories, TreeName, Trees, Version } from './histories.ts';
import type { JournalLine } from './journal.ts';

/** A commit whose `git commit` had returned. */
export interface MadeCommit {
  readonly n: number;
  readonly commit: string;
  /** Epoch milliseconds. */
  readonly endedAt: number;
}

/** Everything that a worktree is judged by after a kill. */
export interface Evidence {
  /** The worktree as it was when the life began. */
  readonly base: Trees;
  /** The journal of that life. */
  readonly lines: readonly JournalLine[];
  /** The commits of this life and of those before. */
  readonly owedCommits: readonly MadeCommit[];
  /** Epoch milliseconds. What returned later was done by a process that the kill had not reached yet: nobody is owed that. */
  readonly killedAt: number;
  /** Uncommitted work that was older at the kill, in milliseconds, must have survived. */
  readonly boundMs: number;
  /** The worktree as it came back. */
  readonly restored: Trees;
  /** The commits that can be reached from the HEAD that came back. */
  readonly reachable: ReadonlySet<string>;
}

/** An action whose effect is gone: a commit, or a change of at least one path. */
export interface Loss {
  readonly n: number;
  readonly kind: Action['kind'];
  /** A path, `index:` and a path, or the commit's id. */
  readonly what: string;
  /** How long before the kill the action had returned, in milliseconds. */
  readonly ageMs: number;
  /** Whether it had to survive. */
  readonly owed: boolean;
}

/** `foreign` names the places that hold what they never held in that life, or lack what they always held. */
export interface Verdict {
  readonly lostCommits: readonly Loss[];
  readonly lostChanges: readonly Loss[];
  readonly foreign: readonly string[];
}

/**
 * Judges a worktree. A capture of a live tree is not of one moment, so each path is judged by itself: it must be as it
 * was at some moment, and no older than what had to survive.
 */
export function judge(evidence: Evidence): Verdict {
  const { base, lines, owedCommits, killedAt, restored, reachable } = evidence;
  const histories = replay(base, lines);
  const lostCommits = owedCommits
    .filter(({ commit, endedAt }) => endedAt <= killedAt && !reachable.has(commit))
    .map(({ n, commit, endedAt }) => ({
      n,
      kind: 'commit' as const,
      what: commit,
      ageMs: killedAt - endedAt,
      owed: true,
    }));
  const places = (['files', 'index'] as const).flatMap((tree) =>
    placesOf(tree, histories, restored).map((path) => judgePlace({ tree, path }, histories, evidence)),
  );
  return {
    lostCommits,
    lostChanges: places.flatMap(({ lost }) => lost).toSorted((one, other) => one.n - other.n),
    foreign: places.flatMap(({ foreign }) => foreign),
  };
}

function placesOf(tree: TreeName, histories: Histories, restored: Trees): string[] {
  return [...new Set([...histories[tree].keys(), ...restored[tree].keys()])];
}

interface Place {
  readonly tree: TreeName;
  readonly path: string;
}

function judgePlace(
  { tree, path }: Place,
  histories: Histories,
  { restored, killedAt, boundMs }: Evidence,
): { lost: Loss[]; foreign: string[] } {
  const versions = histories[tree].get(path) ?? [nothing()];
  const what = tree === 'index' ? `index:${path}` : path;
  const content = restored[tree].get(path) ?? null;
  const newest = newestSeen(versions, content);
  if (newest === null) return { lost: [], foreign: [`${what} holds ${describe(content)}`] };
  const lost = versions.slice(newest + 1).flatMap(({ n, kind, endedAt }) => {
    if (kind === 'base' || endedAt === null || endedAt > killedAt) return [];
    const ageMs = killedAt - endedAt;
    return [{ n, kind, what, ageMs, owed: ageMs > boundMs }];
  });
  return { lost, foreign: [] };
}

/** The newest version that is wholly there, by its place among `versions`; null when the content is of no moment. */
function newestSeen(versions: readonly Version[], content: string | null): number | null {
  const whole = versions.findLastIndex((version) => version.content === content);
  // Half of a version means that the one before it was the last whole one.
  const half = content === null ? -1 : versions.findLastIndex((version) => isHalfOf(content, version));
  const newest = Math.max(whole, half - 1);
  return newest < 0 ? null : newest;
}

function isHalfOf(content: string, { content: whole, writtenFrom }: Version): boolean {
  return (
    whole !== null && writtenFrom !== null && whole.startsWith(content) && content.startsWith(writtenFrom)
  );
}

function describe(content: string | null): string {
  if (content === null) return 'nothing';
  return `${content.length} characters: ${JSON.stringify(content.slice(0, 60))} … ${JSON.stringify(content.slice(-30))}`;
}
