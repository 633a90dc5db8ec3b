import type { ChaosResult, LossOf, RecoveryTimes, Spread } from './tally.ts';

/** One line for a kill and all that was lost by it. */
export function killLine(
  { life, lifeMs, noticedMs, recoveryMs }: RecoveryTimes & { life: number; lifeMs: number },
  lost: readonly LossOf[],
): string {
  const commits = lost.filter(({ kind }) => kind === 'commit').length;
  const oldestMs = Math.max(0, ...lost.map(({ ageMs }) => ageMs));
  const losses =
    lost.length === 0
      ? 'nothing lost'
      : `lost ${commits} commits, ${lost.length - commits} changes, oldest ${oldestMs} ms`;
  return `kill ${life} after ${lifeMs} ms: noticed in ${noticedMs}, recovered in ${recoveryMs} ms, ${losses}`;
}

/** One line for a loss. */
export function lossLine({ agent, life, n, kind, what, ageMs }: LossOf): string {
  return `  LOST  ${agent}  life ${life}  action ${n}  ${kind}  ${what}  ${ageMs} ms before the kill`;
}

/** The result in words and figures. */
export function resultTable(seed: number, result: ChaosResult): string {
  const { commitsLost, youngestLostCommitMs, oldestLostCommitMs, oldestLostChangeMs } = result;
  const commitAges =
    commitsLost === 0 ? '' : `, ${youngestLostCommitMs} to ${oldestLostCommitMs} ms before the kill`;
  const changeAges =
    oldestLostChangeMs === null
      ? ''
      : `, oldest ${oldestLostChangeMs.max} ms (oldest per worktree: ${spreadText(oldestLostChangeMs)})`;
  const rows: [string, string | number][] = [
    ['seed', seed],
    ['kills', result.kills],
    ['actions', `${result.actions}, of which ${result.failedActions} failed`],
    ['commits', result.commits],
    ['snapshots recorded', result.snapshots],
    ['worktrees checked', result.worktreesChecked],
    ['  snapshot in conflict', result.conflicts],
    ['  snapshot given up', result.givenUp],
    ['commits lost', `${commitsLost}${commitAges}`],
    ['uncommitted actions lost', `${result.changesLost}${changeAges}`],
    ['  of these beyond the bound', result.oldChangesLost],
    ['fsck errors', result.fsckErrors],
    ['other faults', result.faults.length],
    ['kill to noticed', spreadText(result.noticedMs)],
    ['kill to recovered', spreadText(result.recoveryMs)],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(28)} ${value}`);
  return ['', ...lines, '', result.ok ? 'Nothing was lost that had to survive.' : 'FAILED'].join('\n');
}

function spreadText(spread: Spread | null): string {
  if (spread === null) return '-';
  return `mean ${spread.mean} ms, p50 ${spread.p50} ms, p95 ${spread.p95} ms, max ${spread.max} ms`;
}
