import type { Fault } from '../faults/fault.ts';
import { between, oneOf } from '../../../dev/random.ts';
import type { Random } from '../../../dev/random.ts';

/** The parts of a town's life at whose beginning a fault strikes; `meanwhile` is soon after the fault before. */
export const PHASES = [
  'booting',
  'announced',
  'restoring',
  'waiting',
  'waking',
  'working',
  'replaying',
  'done',
] as const;
export type Phase = (typeof PHASES)[number];

/** Phases that only a boot has. */
export const BOOT_PHASES: ReadonlySet<string> = new Set<Phase>([
  'booting',
  'announced',
  'restoring',
  'waiting',
  'waking',
]);

/** One fault of a run: when it strikes, and how long it lasts. */
export interface Strike {
  readonly fault: Fault;
  readonly phase: Phase | 'meanwhile';
  /** Milliseconds from the beginning of the phase. */
  readonly delayMs: number;
  readonly lastsMs: number;
}

/** What befalls one town. `inFirstBoot`: the first phase of a boot is already that of its very first one. */
export interface TrialPlan {
  readonly inFirstBoot: boolean;
  readonly strikes: readonly Strike[];
}

const MEANWHILE_SHARE = 0.4;
const FIRST_BOOT_SHARE = 0.25;
/** A container takes about a second until it listens. */
const BOOTING_MS = 1_000;
const DELAY_MS = 400;
const MEANWHILE_MS = 2_000;

function longestDelayMs(phase: Strike['phase']): number {
  if (phase === 'booting') return BOOTING_MS;
  return phase === 'meanwhile' ? MEANWHILE_MS : DELAY_MS;
}

/** Chooses 1 to 3 faults and their moments. */
export function planTrial(random: Random, faults: readonly Fault[]): TrialPlan {
  const inFirstBoot = random() < FIRST_BOOT_SHARE;
  const count = between(random, 1, 3);
  const strikes = Array.from({ length: count }, (_, at) => planStrike(random, oneOf(random, faults), at));
  // Nothing comes after the town is done.
  const done = strikes.filter(({ phase }) => phase === 'done');
  return { inFirstBoot, strikes: [...strikes.filter(({ phase }) => phase !== 'done'), ...done] };
}

function planStrike(random: Random, fault: Fault, at: number): Strike {
  const isMeanwhile = at > 0 && random() < MEANWHILE_SHARE;
  const phase = isMeanwhile ? 'meanwhile' : oneOf(random, PHASES);
  const delayMs = between(random, 0, longestDelayMs(phase));
  const lastsMs = fault.lastsMs === null ? 0 : between(random, fault.lastsMs.least, fault.lastsMs.most);
  return { fault, phase, delayMs, lastsMs };
}

/** One line about a strike. */
export function describeStrike({ fault, phase, delayMs, lastsMs }: Strike): string {
  const lasts = lastsMs === 0 ? '' : ` for ${lastsMs} ms`;
  return `${fault.name} @ ${phase} + ${delayMs} ms${lasts}`;
}
