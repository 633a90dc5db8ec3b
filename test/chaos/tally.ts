import type { Loss } from './verdict.ts';

/** A loss, and whose it was: the writer's and the life's that the kill ended. */
export interface LossOf extends Loss {
  readonly agent: string;
  readonly life: number;
}

/** What a whole run came to; ages and times are in milliseconds. */
export interface ChaosResult {
  readonly ok: boolean;
  readonly kills: number;
  readonly actions: number;
  readonly failedActions: number;
  readonly commits: number;
  readonly snapshots: number;
  readonly worktreesChecked: number;
  readonly commitsLost: number;
  readonly youngestLostCommitMs: number | null;
  readonly oldestLostCommitMs: number | null;
  readonly changesLost: number;
  /** Of `changesLost`, those that were older than the bound. */
  readonly oldChangesLost: number;
  /** The age of the oldest lost change, over the worktrees that lost any. */
  readonly oldestLostChangeMs: { readonly p50: number; readonly p95: number; readonly max: number } | null;
  readonly fsckErrors: number;
  /** From the kill to the end of the recovery. */
  readonly recoveryMs: { readonly mean: number; readonly p95: number } | null;
  /** Everything else that must not be: foreign contents, recoveries that are not complete, git that fails. */
  readonly faults: readonly string[];
  readonly losses: readonly LossOf[];
}

/** Counts what happens in a run, so that there is a result at any moment. */
export class Tally {
  readonly #losses: LossOf[] = [];
  readonly #oldestPerWorktree: number[] = [];
  readonly #recoveryMs: number[] = [];
  readonly #faults: string[] = [];
  readonly #counts = {
    kills: 0,
    actions: 0,
    failedActions: 0,
    commits: 0,
    snapshots: 0,
    worktreesChecked: 0,
    fsckErrors: 0,
  };

  count(what: keyof ChaosCounts, times = 1): void {
    this.#counts[what] += times;
  }

  addLosses(losses: readonly LossOf[]): void {
    this.#losses.push(...losses);
    const changes = losses.filter(isChange);
    if (changes.length > 0) this.#oldestPerWorktree.push(Math.max(...changes.map(({ ageMs }) => ageMs)));
  }

  addFault(fault: string): void {
    this.#faults.push(fault);
  }

  addRecovery(ms: number): void {
    this.#recoveryMs.push(ms);
  }

  /** All that was counted so far. */
  result(): ChaosResult {
    const commits = this.#losses.filter((loss) => !isChange(loss)).map(({ ageMs }) => ageMs);
    const changes = this.#losses.filter(isChange);
    const old = changes.filter(({ owed }) => owed);
    const oldest = this.#oldestPerWorktree;
    const recovery = this.#recoveryMs;
    return {
      ok: commits.length + old.length + this.#faults.length + this.#counts.fsckErrors === 0,
      ...this.#counts,
      commitsLost: commits.length,
      youngestLostCommitMs: commits.length === 0 ? null : Math.min(...commits),
      oldestLostCommitMs: commits.length === 0 ? null : Math.max(...commits),
      changesLost: countActions(changes),
      oldChangesLost: countActions(old),
      oldestLostChangeMs:
        oldest.length === 0
          ? null
          : { p50: percentile(oldest, 50), p95: percentile(oldest, 95), max: Math.max(...oldest) },
      recoveryMs:
        recovery.length === 0
          ? null
          : {
              mean: Math.round(recovery.reduce((sum, ms) => sum + ms, 0) / recovery.length),
              p95: percentile(recovery, 95),
            },
      faults: this.#faults,
      losses: this.#losses,
    };
  }
}

/** What is counted one by one. */
export type ChaosCounts = Pick<
  ChaosResult,
  'kills' | 'actions' | 'failedActions' | 'commits' | 'snapshots' | 'worktreesChecked' | 'fsckErrors'
>;

/** The smallest of the values, of which there is at least one, that `percent` of them do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}

function isChange({ kind }: Loss): boolean {
  return kind !== 'commit';
}

/** An action may have changed several paths; it counts once. */
function countActions(losses: readonly LossOf[]): number {
  return new Set(losses.map(({ agent, n }) => `${agent} ${n}`)).size;
}
