import type { ChaosResult, LossOf } from './tally.ts';

/** One line for a kill and all that was lost by it. */
export function killLine(
  { life, lifeMs, recoveryMs }: { life: number; lifeMs: number; recoveryMs: number },
  lost: readonly LossOf[],
): string {
  const commits = lost.filter(({ kind }) => kind === 'commit').length;
  const oldestMs = Math.max(0, ...lost.map(({ ageMs }) => ageMs));
  const losses =
    lost.length === 0
      ? 'nothing lost'
      : `lost ${commits} commits, ${lost.length - commits} changes, oldest ${oldestMs} ms`;
  return `kill ${life} after ${lifeMs} ms: recovered in ${recoveryMs} ms, ${losses}`;
}

/** One line for a loss. */
export function lossLine({ agent, life, n, kind, what, ageMs }: LossOf): string {
  return `  LOST  ${agent}  life ${life}  action ${n}  ${kind}  ${what}  ${ageMs} ms before the kill`;
}

/** The result in words and figures. */
export function resultTable(seed: number, result: ChaosResult): string {
  const { commitsLost, youngestLostCommitMs, oldestLostCommitMs, oldestLostChangeMs, recoveryMs } = result;
  const commitAges =
    commitsLost === 0 ? '' : `, ${youngestLostCommitMs} to ${oldestLostCommitMs} ms before the kill`;
  const changeAges =
    oldestLostChangeMs === null
      ? ''
      : `, oldest ${oldestLostChangeMs.max} ms (per worktree p50 ${oldestLostChangeMs.p50}, p95 ${oldestLostChangeMs.p95} ms)`;
  const rows: [string, string | number][] = [
    ['seed', seed],
    ['kills', result.kills],
    ['actions', `${result.actions}, of which ${result.failedActions} failed`],
    ['commits', result.commits],
    ['snapshots recorded', result.snapshots],
    ['worktrees checked', result.worktreesChecked],
    ['commits lost', `${commitsLost}${commitAges}`],
    ['uncommitted actions lost', `${result.changesLost}${changeAges}`],
    ['  of these beyond the bound', result.oldChangesLost],
    ['fsck errors', result.fsckErrors],
    ['other faults', result.faults.length],
    ['kill to recovered', recoveryMs === null ? '-' : `mean ${recoveryMs.mean} ms, p95 ${recoveryMs.p95} ms`],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(28)} ${value}`);
  return ['', ...lines, '', result.ok ? 'Nothing was lost that had to survive.' : 'FAILED'].join('\n');
}
