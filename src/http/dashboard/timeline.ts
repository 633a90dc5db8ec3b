import type { Phase, Recovery, RecoveryRig } from '../../contract/recovery.ts';

/** One phase on a row, from `from` to `to` milliseconds after the recovery began. */
export interface Segment {
  readonly phase: Phase;
  readonly from: number;
  readonly to: number;
}

/** One line of a waterfall: a rig, or one of its agents. `openFrom` is since when it has been waited for. */
export interface Row {
  readonly rig: string;
  readonly agent: string | null;
  readonly status: string;
  readonly note: string | null;
  readonly segments: readonly Segment[];
  readonly openFrom: number | null;
  /** When the last of it was over. */
  readonly endMs: number;
}

/** A recovery as lines over time. */
export interface Timeline {
  readonly rows: readonly Row[];
  readonly spanMs: number;
}

/** Lays out a recovery; one that runs reaches until `now`, in epoch milliseconds. */
export function timelineOf(recovery: Recovery, now: number): Timeline {
  const rows = recovery.rigs.flatMap((rig) => rowsOf(recovery, rig, now));
  const wholeMs = (recovery.finishedAt ?? now) - recovery.startedAt;
  return { rows, spanMs: Math.max(1, wholeMs, ...rows.map(({ endMs }) => endMs)) };
}

function rowsOf(recovery: Recovery, { rig, status, fault, phases, agents }: RecoveryRig, now: number): Row[] {
  const { startedAt } = recovery;
  const segments = (agent: string | null): Segment[] =>
    phases.filter((phase) => phase.agent === agent).map((phase) => segmentOf(phase, startedAt));
  const names = new Set([...agents.map(({ agent }) => agent), ...phases.flatMap(({ agent }) => agent ?? [])]);
  const own = segments(null);
  const isOpen = recovery.status === 'running' && (status === 'waiting' || status === 'restoring');
  const openFrom = isOpen ? endOf(own) : null;
  const endMs = isOpen ? Math.max(endOf(own), now - startedAt) : endOf(segmentsOfAll(phases, startedAt));
  const rigRow: Row = {
    rig,
    agent: null,
    status,
    note: fault?.reason ?? null,
    segments: own,
    openFrom,
    endMs,
  };
  return [
    rigRow,
    ...[...names].toSorted().map((agent): Row => {
      const report = agents.find((each) => each.agent === agent);
      const ownSegments = segments(agent);
      const note = report?.fault?.reason ?? (report === undefined ? null : cameFrom(report));
      const status = report === undefined ? 'restoring' : report.fault === null ? 'ready' : 'failed';
      return { rig, agent, status, note, segments: ownSegments, openFrom: null, endMs: endOf(ownSegments) };
    }),
  ];
}

function cameFrom({ from, snapshot, lost, files }: RecoveryRig['agents'][number]): string {
  const start = { remote: 'from its branch', base: 'new branch', kept: 'was still there' }[from];
  const kept = { restored: ', snapshot put back', none: '', conflict: ', snapshot set aside', kept: '' }[
    snapshot
  ];
  return `${start}${kept}, ${files} files${lost.length === 0 ? '' : `, lost: ${lost.join(', ')}`}`;
}

/** Container and Worker have clocks of their own: what seems to come before the beginning is drawn at it. */
function segmentOf(phase: Phase, startedAt: number): Segment {
  const from = Math.max(0, phase.startedAt - startedAt);
  return { phase, from, to: from + phase.ms };
}

function segmentsOfAll(phases: readonly Phase[], startedAt: number): Segment[] {
  return phases.map((phase) => segmentOf(phase, startedAt));
}

function endOf(segments: readonly Segment[]): number {
  return Math.max(0, ...segments.map(({ to }) => to));
}

/** Round steps for an axis of `span` units: at most `most` of them, each 1, 2 or 5 times a power of ten. */
export function ticksOf(span: number, most: number): number[] {
  const raw = span / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= raw) ?? 10);
  return Array.from({ length: Math.floor(span / step) }, (_, index) => (index + 1) * step);
}
