import type { Recovery, RecoveryRig } from '../../src/contract/recovery.ts';
import type { Style } from '../terminal.ts';
import { ago, because, duration, many } from '../words.ts';
import { stateCell, stateText } from './states.ts';
import { table, type Cell } from './table.ts';

/** A recovery at a glance: a line for it, and one for each rig with what took how long. */
export function recoveryLines(recovery: Recovery, now: number, style: Style): string[] {
  const width = Math.max(0, ...recovery.rigs.map(({ rig }) => rig.length));
  return [
    headline(recovery, now, style),
    ...recovery.rigs.map((rig) =>
      [
        ` ${rig.rig.padEnd(width)}`,
        stateText(rig.status.padEnd(10), rig.status, style),
        rig.fault === null ? phasesOf(rig) : because(rig.fault),
      ].join(' '),
    ),
  ];
}

function headline(
  { status, generation, trigger, startedAt, finishedAt, overheadMs, fault }: Recovery,
  now: number,
  style: Style,
) {
  const took = duration(Math.max(0, (finishedAt ?? now) - startedAt));
  const own = overheadMs === null ? '' : `, ${duration(overheadMs)} of it Relight's own`;
  const when = finishedAt === null ? `for ${took}` : `in ${took}${own}, ${ago(finishedAt, now)}`;
  const why = fault === null ? '' : `: ${because(fault)}`;
  return `${stateText(status, status, style)} ${when}; generation ${generation}, by ${trigger}${why}`;
}

/** How long each phase of a rig took, those of its agents added up, in the order in which they began. */
function phasesOf({ phases, agents }: RecoveryRig): string {
  const sums = new Map<string, number>();
  for (const { name, ms } of phases) sums.set(name, (sums.get(name) ?? 0) + ms);
  const timed = [...sums].map(([name, ms]) => `${name} ${duration(ms)}`).join(', ');
  return agents.length === 0 ? timed : `${many(agents.length, 'agent')}; ${timed}`;
}

/** A recovery in full: every phase, and what came back of each agent. */
export function recoveryScreen(recovery: Recovery, now: number, style: Style): string[] {
  const { recoveryId, startedAt, rigs } = recovery;
  const phases = rigs.flatMap(({ rig, phases }) =>
    phases.map((phase): Cell[] => [
      rig,
      phase.agent ?? '-',
      phase.name,
      `+${duration(Math.max(0, phase.startedAt - startedAt))}`,
      duration(phase.ms),
      stateCell(phase.ok ? 'ok' : 'failed', style),
      phase.detail.replaceAll(/\s*\n\s*/g, ' '),
    ]),
  );
  const agents = rigs.flatMap(({ rig, agents }) =>
    agents.map((report): Cell[] => [
      `${rig}/${report.agent}`,
      report.bead,
      report.branch,
      report.head?.slice(0, 8) ?? '-',
      report.from,
      report.snapshot,
      [
        ...(report.fault === null ? [] : [because(report.fault)]),
        ...report.lost.map((commit) => `lost: ${commit}`),
        ...report.warnings,
      ].join('; '),
    ]),
  );
  const agentHeads = ['AGENT', 'BEAD', 'BRANCH', 'HEAD', 'FROM', 'SNAPSHOT', 'NOTE'];
  return [
    style('bold', recoveryId),
    ...recoveryLines(recovery, now, style),
    '',
    ...table(['RIG', 'AGENT', 'PHASE', 'AT', 'TOOK', 'ENDED', 'DETAIL'], phases, style),
    ...(agents.length === 0 ? [] : ['', ...table(agentHeads, agents, style)]),
  ];
}

/** The recoveries of a town, newest first. */
export function recoveryTable(recoveries: readonly Recovery[], now: number, style: Style): string[] {
  const rows = recoveries.map(
    ({ recoveryId, status, generation, trigger, startedAt, finishedAt }): Cell[] => [
      recoveryId,
      stateCell(status, style),
      String(generation),
      trigger,
      ago(startedAt, now),
      finishedAt === null ? '-' : duration(finishedAt - startedAt),
    ],
  );
  return table(['RECOVERY', 'STATUS', 'GENERATION', 'TRIGGER', 'BEGAN', 'TOOK'], rows, style);
}
