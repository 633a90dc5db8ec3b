import type { Loss } from './verdict.ts';

/** A loss, and whose it was: the writer's and the life's that the kill ended. */
export interface LossOf extends Loss {
  readonly agent: string;
  readonly life: number;
}

/** How values are spread, each in milliseconds. */
export interface Spread {
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** How long after a kill the town knew of it, and had recovered. */
export interface RecoveryTimes {
  readonly noticedMs: number;
  readonly recoveryMs: number;
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
  /** Worktrees whose snapshot was not put back because the branch had moved on the remote: it is kept under a ref. */
  readonly conflicts: number;
  /** Worktrees whose snapshot was given up as beyond repair. */
  readonly givenUp: number;
  readonly commitsLost: number;
  readonly youngestLostCommitMs: number | null;
  readonly oldestLostCommitMs: number | null;
  readonly changesLost: number;
  /** Of `changesLost`, those that were older than the bound. */
  readonly oldChangesLost: number;
  /** The age of the oldest lost change, over the worktrees that lost any. */
  readonly oldestLostChangeMs: Spread | null;
  readonly fsckErrors: number;
  /** From the kill to the end of the recovery. */
  readonly recoveryMs: Spread | null;
  /** From the kill until the town knew of it; part of `recoveryMs`. */
  readonly noticedMs: Spread | null;
  /** Everything else that must not be: foreign contents, recoveries that are not complete, git that fails. */
  readonly faults: readonly string[];
  readonly losses: readonly LossOf[];
}

/** Counts what happens in a run, so that there is a result at any moment. */
export class Tally {
  readonly #losses: LossOf[] = [];
  readonly #oldestPerWorktree: number[] = [];
  readonly #recoveries: RecoveryTimes[] = [];
  readonly #faults: string[] = [];
  readonly #counts = {
    kills: 0,
    actions: 0,
    failedActions: 0,
    commits: 0,
    snapshots: 0,
    worktreesChecked: 0,
    conflicts: 0,
    givenUp: 0,
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

  addRecovery(times: RecoveryTimes): void {
    this.#recoveries.push(times);
  }

  get faults(): readonly string[] {
    return this.#faults;
  }

  /** All that was counted so far. */
  result(): ChaosResult {
    const commits = this.#losses.filter((loss) => !isChange(loss)).map(({ ageMs }) => ageMs);
    const changes = this.#losses.filter(isChange);
    const old = changes.filter(({ owed }) => owed);
    return {
      ok: commits.length + old.length + this.#faults.length + this.#counts.fsckErrors === 0,
      ...this.#counts,
      commitsLost: commits.length,
      youngestLostCommitMs: commits.length === 0 ? null : Math.min(...commits),
      oldestLostCommitMs: commits.length === 0 ? null : Math.max(...commits),
      changesLost: countActions(changes),
      oldChangesLost: countActions(old),
      oldestLostChangeMs: spreadOf(this.#oldestPerWorktree),
      recoveryMs: spreadOf(this.#recoveries.map(({ recoveryMs }) => recoveryMs)),
      noticedMs: spreadOf(this.#recoveries.map(({ noticedMs }) => noticedMs)),
      faults: this.#faults,
      losses: this.#losses,
    };
  }
}

/** What is counted one by one. */
export type ChaosCounts = Pick<
  ChaosResult,
  | 'kills'
  | 'actions'
  | 'failedActions'
  | 'commits'
  | 'snapshots'
  | 'worktreesChecked'
  | 'conflicts'
  | 'givenUp'
  | 'fsckErrors'
>;

/** The spread of the values; null of none. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const mean = Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);
  return { mean, p50: percentile(values, 50), p95: percentile(values, 95), max: Math.max(...values) };
}

/** The smallest of the values, of which there is at least one, that `percent` of them do not exceed. */
function percentile(values: readonly number[], percent: number): number {
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
