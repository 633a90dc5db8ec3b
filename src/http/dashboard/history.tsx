import type { RecoveryGlance } from '../../contract/recovery.ts';
import type { BootRecord } from '../../contract/town.ts';
import { Ago, State } from './parts.tsx';
import { ticksOf } from './timeline.ts';
import { age, count, duration } from './words.ts';

/** So wide is the picture at least, in boots: a few of them shall not look like walls. */
const MIN_SLOTS = 20;
/** The part of the width that belongs to the axis, in per cent. */
const AXIS = 6;
const HEIGHT = 132;
const BASE = 120;
const LISTED = 12;

/** One boot's own recovery and how long it took; one that runs counts until now. */
interface Mark {
  readonly generation: number;
  readonly status: string;
  readonly ms: number;
}

function marksOf(boots: readonly BootRecord[], now: number): Mark[] {
  return boots.toReversed().flatMap(({ generation, recoveries }) => {
    const own = recoveries.find(({ trigger }) => trigger !== 'replay');
    return own === undefined ? [] : [{ generation, status: own.status, ms: lasted(own, now) }];
  });
}

function lasted({ startedAt, finishedAt }: RecoveryGlance, now: number): number {
  return Math.max(0, (finishedAt ?? now) - startedAt);
}

/** How long the recoveries of the last 50 boots took. */
export function RecoveryTimes({ boots, now }: { boots: readonly BootRecord[]; now: number }) {
  const marks = marksOf(boots, now);
  if (marks.length === 0) return <p class="none">No boot has been recovered yet.</p>;
  const slots = Math.max(MIN_SLOTS, marks.length);
  const step = (100 - AXIS) / slots;
  const longest = Math.max(1, ...marks.map(({ ms }) => ms));
  const top = longest * 1.1;
  const y = (ms: number): number => BASE - (ms / top) * (BASE - 8);
  const median = marks.map(({ ms }) => ms).toSorted((a, b) => a - b)[Math.floor(marks.length / 2)] ?? 0;
  const slowest = marks.find(({ ms }) => ms === longest);
  const summary = `${count(marks.length, 'boot')}: median ${duration(median)}, slowest ${duration(longest)} in generation ${slowest?.generation ?? 0}`;
  return (
    <figure>
      <figcaption>{summary}</figcaption>
      <svg class="times" width="100%" height={HEIGHT} role="img" aria-label={`Recovery time. ${summary}`}>
        {ticksOf(top, 4).map((at) => (
          <>
            <line class="grid" x1="0" x2="100%" y1={y(at)} y2={y(at)} />
            <text x="0" y={y(at) - 3}>
              {duration(at)}
            </text>
          </>
        ))}
        <line class="base" x1="0" x2="100%" y1={BASE} y2={BASE} />
        {marks.map(({ generation, status, ms }, index) => (
          <rect
            class={`bar ${status}`}
            x={`${(AXIS + (slots - marks.length + index) * step).toFixed(2)}%`}
            y={Math.min(y(ms), BASE - 2)}
            width={`${(step * 0.7).toFixed(2)}%`}
            height={Math.max(2, BASE - y(ms))}
            rx="1.5"
          >
            <title>{`generation ${generation}: ${status} after ${duration(ms)}`}</title>
          </rect>
        ))}
        <line class="median" x1={`${AXIS}%`} x2="100%" y1={y(median)} y2={y(median)} />
      </svg>
    </figure>
  );
}

/** The newest boots with their recoveries, each to be opened and compared. */
export function Boots({ town, boots, now }: { town: string; boots: readonly BootRecord[]; now: number }) {
  const [shown, rest] = [boots.slice(0, LISTED), boots.slice(LISTED)];
  return (
    <>
      <BootTable town={town} boots={shown} now={now} />
      {rest.length > 0 && (
        <details id="older-boots">
          <summary>{count(rest.length, 'older boot')}</summary>
          <BootTable town={town} boots={rest} now={now} />
        </details>
      )}
    </>
  );
}

function BootTable({ town, boots, now }: { town: string; boots: readonly BootRecord[]; now: number }) {
  const longest = Math.max(1, ...boots.flatMap((boot) => boot.recoveries.map((each) => lasted(each, now))));
  return (
    <div class="scroll">
      <table class="boots">
        <caption class="unseen">Boots and their recoveries</caption>
        <thead>
          <tr>
            <th scope="col" class="number">
              Generation
            </th>
            <th scope="col">Came up</th>
            <th scope="col">Ended</th>
            <th scope="col">Recovery</th>
            <th scope="col">Trigger</th>
            <th scope="col">Outcome</th>
            <th scope="col" class="number">
              Took
            </th>
            <th scope="col">
              <span class="unseen">Compared</span>
            </th>
          </tr>
        </thead>
        <tbody>{boots.map((boot) => bootLines({ town, boot, now, longest }))}</tbody>
      </table>
    </div>
  );
}

function bootLines(facts: { town: string; boot: BootRecord; now: number; longest: number }) {
  const { town, boot, now, longest } = facts;
  const { generation, acceptedAt, endedAt, exit, recoveries } = boot;
  const own = (
    <>
      <th scope="row" class="number">
        {generation}
      </th>
      <td>
        <Ago at={acceptedAt} now={now} />
      </td>
      <td>{endedAt === null ? 'runs' : `${age(endedAt, now)}: ${exit ?? 'unknown why'}`}</td>
    </>
  );
  if (recoveries.length === 0) {
    return (
      <tr id={`boot-${generation}`}>
        {own}
        <td colspan={5} class="none">
          no recovery
        </td>
      </tr>
    );
  }
  return recoveries.map((recovery, index) => (
    <tr id={`boot-${recovery.recoveryId}`}>
      {index === 0 ? own : <td colspan={3}></td>}
      <td>
        <a href={`/towns/${town}/recoveries/${recovery.recoveryId}`}>{shortId(recovery.recoveryId)}</a>
      </td>
      <td>{recovery.trigger}</td>
      <td>
        <State state={recovery.status} />
      </td>
      <td class="number">{duration(lasted(recovery, now))}</td>
      <td class="compared">
        <svg width="100%" height="10" aria-hidden="true">
          <rect
            class={`bar ${recovery.status}`}
            width={`${((lasted(recovery, now) / longest) * 100).toFixed(1)}%`}
            height="10"
            rx="2"
          />
        </svg>
      </td>
    </tr>
  ));
}

/** Enough of a recovery's id to tell it from the others of its town. */
export function shortId(recoveryId: string): string {
  const [kind = '', rest = ''] = recoveryId.split('-', 2);
  return `${kind}-${rest.slice(0, 8)}`;
}
