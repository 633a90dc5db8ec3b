import type { Fault } from '../src/contract/errors.ts';

/** A duration in milliseconds as people read it: `420 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return inTwo(seconds, 60, ['min', 's']);
  const minutes = Math.round(seconds / 60);
  return minutes < 24 * 60
    ? inTwo(minutes, 60, ['h', 'min'])
    : inTwo(Math.round(minutes / 60), 24, ['d', 'h']);
}

function inTwo(count: number, size: number, [large, small]: readonly [string, string]): string {
  const rest = count % size;
  return `${Math.floor(count / size)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}

/** How long ago, in whole units: tenths of a second say nothing of the past. */
export function ago(at: number, now: number): string {
  const ms = Math.max(0, now - at);
  if (ms < 1_500) return 'now';
  return `${ms < 59_500 ? `${Math.round(ms / 1_000)} s` : duration(ms)} ago`;
}

/** Bytes in the unit that leaves few digits, by powers of 1024. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [count, 0];
  while (value >= 1_024 && unit < units.length - 1) [value, unit] = [value / 1_024, unit + 1];
  return `${value >= 10 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `1 rig`, `2 rigs`. */
export function many(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}

/** A fault on one line, with its code. */
export function because({ reason, code }: Fault): string {
  return `${reason.trim().replaceAll(/\s*\n\s*/g, ' ')} (${code})`;
}
