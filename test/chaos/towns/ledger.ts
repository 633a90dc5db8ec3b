import { spreadOf } from '../tally.ts';
import type { Spread } from '../tally.ts';
import type { Trial } from './trial.ts';

/** How often one fault struck, and how long towns needed from its end until they were themselves again. */
export interface FaultRow {
  readonly fault: string;
  readonly hits: number;
  readonly missed: number;
  readonly recoveryMs: Spread | null;
}

/** What all runs came to. */
export interface SuiteResult {
  readonly seed: number;
  readonly ok: boolean;
  readonly runs: number;
  readonly violations: number;
  /** From the end of a fault until the town was itself again, over all faults. */
  readonly recoveryMs: Spread | null;
  readonly faults: readonly FaultRow[];
  readonly trials: readonly Trial[];
}

/** Counts up the runs. A run in which nothing struck proves nothing, and none at all neither: that is not ok. */
export function resultOf(seed: number, trials: readonly Trial[], names: readonly string[]): SuiteResult {
  const blows = trials.flatMap((trial) => trial.blows);
  const timesOf = (some: typeof blows): number[] =>
    some.flatMap(({ recoveryMs }) => (recoveryMs === null ? [] : [recoveryMs]));
  const faults = names.map((fault): FaultRow => {
    const own = blows.filter((blow) => blow.fault === fault);
    const hits = own.filter(({ missed }) => missed === null);
    return {
      fault,
      hits: hits.length,
      missed: own.length - hits.length,
      recoveryMs: spreadOf(timesOf(hits)),
    };
  });
  const violations = trials.reduce((sum, trial) => sum + trial.violations.length, 0);
  return {
    seed,
    ok: violations === 0 && faults.some(({ hits }) => hits > 0),
    runs: trials.length,
    violations,
    recoveryMs: spreadOf(timesOf(blows)),
    faults,
    trials,
  };
}

/** The result in words and figures. */
export function resultTable({ seed, runs, violations, faults, recoveryMs, ok }: SuiteResult): string {
  const row = (name: string, hits: number | string, missed: number | string, spread: Spread | null): string =>
    [
      name.padEnd(40),
      String(hits).padStart(5),
      String(missed).padStart(7),
      secondsText(spread?.mean).padStart(8),
      secondsText(spread?.p95).padStart(8),
    ].join(' ');
  const total = (of: 'hits' | 'missed'): number => faults.reduce((sum, fault) => sum + fault[of], 0);
  return [
    '',
    `${'fault'.padEnd(40)}  hits  missed   mean s  p95 s`,
    ...faults.map((fault) => row(fault.fault, fault.hits, fault.missed, fault.recoveryMs)),
    row('all', total('hits'), total('missed'), recoveryMs),
    '',
    `seed ${seed}: ${runs} runs, ${violations} violations`,
    ok ? 'Everything that must hold held.' : 'FAILED',
  ].join('\n');
}

function secondsText(ms: number | undefined): string {
  return ms === undefined ? '-' : (ms / 1000).toFixed(1);
}
