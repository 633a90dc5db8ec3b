import type { Phase } from '../contract/recovery.ts';

/**
 * Milliseconds between `startedAt` and `finishedAt` in which neither git nor a setup command ran in any rig.
 * Both are epoch milliseconds; phases may overlap and come in any order.
 */
export function overheadMs(startedAt: number, finishedAt: number, phases: readonly Phase[]): number {
  const busy = phases
    .filter(({ work }) => work !== 'relight')
    .map(({ startedAt: from, ms }) => ({
      from: Math.max(from, startedAt),
      to: Math.min(from + ms, finishedAt),
    }))
    .filter(({ from, to }) => to > from)
    .toSorted((a, b) => a.from - b.from);
  let covered = 0;
  let reached = startedAt;
  for (const { from, to } of busy) {
    if (to <= reached) continue;
    covered += to - Math.max(from, reached);
    reached = to;
  }
  return Math.max(0, Math.round(finishedAt - startedAt - covered));
}
