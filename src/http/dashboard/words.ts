import type { BootRecord, TownView } from '../../contract/town.ts';
import type { Recovery } from '../../contract/recovery.ts';

/** A duration in milliseconds as people compare it: `420 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return parts(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return parts(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(minutes / 60);
  return parts(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function parts(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** How long ago, in whole units: a tenth of a second says nothing of the past. */
export function age(at: number, now: number): string {
  const ms = now - at;
  if (ms < 1500) return 'now';
  return `${ms < 59_500 ? `${Math.round(ms / 1000)} s` : duration(ms)} ago`;
}

/** Bytes in the unit that leaves few digits, by powers of 1024. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
  let [value, unit] = [count, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${value >= 10 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `1 rig`, `2 rigs`. */
export function count(many: number, one: string): string {
  return `${many} ${one}${many === 1 ? '' : 's'}`;
}

/** What makes the town be in its state, in a sentence. */
export function whyOf(
  view: TownView,
  { boots, latest, now }: { boots: readonly BootRecord[]; latest: Recovery | null; now: number },
): string {
  const { state, fault, heldDown, nextStartAt } = view;
  const next =
    nextStartAt !== null && nextStartAt > now ? `; next start in ${duration(nextStartAt - now)}` : '';
  switch (state) {
    case 'dark':
      if (heldDown) return 'Stopped by the operator: the next sling or start brings it up.';
      return `No container runs. ${whyDark(boots[0] ?? null, now)}${next === '' ? '' : `${next.slice(2)}.`}`;
    case 'starting':
      return 'A container is coming up.';
    case 'recovering':
      return latest === null ? 'A recovery runs.' : recoveringOf(latest);
    case 'degraded':
      return `${fault?.reason ?? 'A rig is not all there.'}${next}`;
    case 'lit':
      return 'All rigs are there.';
  }
}

function whyDark(boot: BootRecord | null, now: number): string {
  if (boot === null) return 'The first sling starts one.';
  const end =
    boot.endedAt === null ? '' : `The last ended ${age(boot.endedAt, now)}: ${boot.exit ?? 'unknown why'}. `;
  return `${end}Work for an agent starts the next. `;
}

function recoveringOf({ generation, rigs }: Recovery): string {
  const back = rigs.filter(({ status }) => status === 'ready' || status === 'partial').length;
  if (rigs.length === 0) return `Generation ${generation} is being recovered.`;
  return `Generation ${generation} is being recovered: ${back} of ${count(rigs.length, 'rig')} back.`;
}

/** The ending of output that a page shows: whole lines, without what only a terminal understands. */
export function lastLines(output: string, lines: number): string {
  // ECMA-48 control sequences and operating system commands, and other control characters but tab and newline.
  const plain = output
    .slice(-MAX_SHOWN_CHARACTERS)
    .replaceAll(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g, '')
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
  return plain.trimEnd().split('\n').slice(-lines).join('\n');
}

const MAX_SHOWN_CHARACTERS = 64 * 1024;
