import type { Recovery } from '../../contract/recovery.ts';
import { State } from './parts.tsx';
import { ticksOf, timelineOf } from './timeline.ts';
import type { Row, Segment } from './timeline.ts';
import { duration } from './words.ts';

const ROW_HEIGHT = 20;
const TICKS = 6;

interface WaterfallProps {
  readonly recovery: Recovery;
  readonly now: number;
  /** The time that the whole width stands for, in milliseconds; without it the recovery's own. */
  readonly spanMs?: number;
}

/** A recovery over time: a table whose cells are drawn, so that it can be read without seeing them. */
export function Waterfall({ recovery, now, spanMs: given }: WaterfallProps) {
  const { rows, spanMs: own } = timelineOf(recovery, now);
  const spanMs = given ?? own;
  if (rows.length === 0) return <p class="none">No rig had an agent with work to bring back.</p>;
  return (
    <table class="waterfall">
      <caption class="unseen">When each rig and agent was worked on</caption>
      <thead>
        <tr>
          <th scope="col">Rig, agent</th>
          <th scope="col">
            <span class="unseen">Phases over time</span>
            <Axis spanMs={spanMs} />
          </th>
          <th scope="col" class="number">
            Back after
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Line row={row} spanMs={spanMs} now={now - recovery.startedAt} />
        ))}
      </tbody>
    </table>
  );
}

/** What the colours mean. */
export function Legend() {
  return (
    <ul class="legend">
      {(['git', 'setup', 'relight', 'open', 'failed'] as const).map((kind) => (
        <li>
          <svg width="14" height="10" aria-hidden="true">
            <rect class={`bar ${kind}`} width="14" height="10" rx="2" />
          </svg>
          {
            { git: 'git', setup: 'set-up', relight: 'Relight itself', open: 'under way', failed: 'failed' }[
              kind
            ]
          }
        </li>
      ))}
    </ul>
  );
}

function Axis({ spanMs }: { spanMs: number }) {
  return (
    <svg class="axis" width="100%" height="14" aria-hidden="true">
      {ticksOf(spanMs, TICKS).map((at) => {
        const isLast = at / spanMs > 0.93;
        return (
          <text x={percent(at, spanMs)} y="11" text-anchor={isLast ? 'end' : 'middle'}>
            {duration(at)}
          </text>
        );
      })}
    </svg>
  );
}

function Line({ row, spanMs, now }: { row: Row; spanMs: number; now: number }) {
  const { rig, agent, status, note, segments, openFrom, endMs } = row;
  return (
    <tr class={agent === null ? 'rig' : 'agent'} id={`line-${rig}${agent === null ? '' : `-${agent}`}`}>
      <th scope="row">
        <span class="name">{agent ?? rig}</span> {status !== 'ready' && <State state={status} />}
        {note !== null && (
          <span class="note" title={note}>
            {note}
          </span>
        )}
      </th>
      <td>
        <svg width="100%" height={ROW_HEIGHT} role="img" aria-label={spoken(segments)}>
          {ticksOf(spanMs, TICKS).map((at) => (
            <line class="grid" x1={percent(at, spanMs)} x2={percent(at, spanMs)} y1="0" y2={ROW_HEIGHT} />
          ))}
          {openFrom !== null && (
            <rect
              class="bar open"
              x={percent(openFrom, spanMs)}
              y="5"
              width={percent(now - openFrom, spanMs)}
              height="10"
              rx="2"
            />
          )}
          {segments.map((segment) => (
            <Bar segment={segment} spanMs={spanMs} />
          ))}
        </svg>
      </td>
      <td class="number">{openFrom === null ? duration(endMs) : '…'}</td>
    </tr>
  );
}

/** Relight's own phases are thinner: git and set-up run while it waits for them. */
function Bar({ segment: { phase, from, to }, spanMs }: { segment: Segment; spanMs: number }) {
  const isThin = phase.work === 'relight';
  return (
    <rect
      class={`bar ${phase.ok ? phase.work : 'failed'}`}
      x={percent(from, spanMs)}
      y={isThin ? 8 : 4}
      width={percent(Math.max(to - from, spanMs / 400), spanMs)}
      height={isThin ? 4 : 12}
      rx="1.5"
    >
      <title>{described({ phase })}</title>
    </rect>
  );
}

function spoken(segments: readonly Segment[]): string {
  return segments.length === 0 ? 'nothing yet' : segments.map(described).join('; ');
}

function described({ phase }: Pick<Segment, 'phase'>): string {
  const { name, ms, ok, detail } = phase;
  return `${name}${ok ? '' : ' failed'}, ${duration(ms)}${detail === '' ? '' : `: ${detail}`}`;
}

function percent(part: number, whole: number): string {
  return `${Math.min(100, Math.max(0, (part / whole) * 100)).toFixed(2)}%`;
}
