import { dueAt, elapsedMs } from './clock.ts';

/** So many beads that fail … */
export const BREAKER_BEADS = 20;

/** … within this time are no accident: whatever they have in common fails them all. */
export const BREAKER_WINDOW_MS = 1_800_000;

/** An open breaker lets one agent try after this time. */
export const BREAKER_REST_MS = 600_000;

/** An agent that tries is given up after this time, and another one may: its container may have died under it. */
export const PROBE_PATIENCE_MS = 900_000;

/** While one tries, the others ask again this often: it may fail or succeed at any time. */
export const BREAKER_ASK_MS = 60_000;

/** Nobody is held back for longer than this at a time. */
export const LONGEST_HOLD_MS = Math.max(BREAKER_REST_MS, PROBE_PATIENCE_MS);

/**
 * The town-wide breaker. Closed (`openedAt` is null) it counts beads that failed; open it holds all starts back; after a
 * rest one agent, the probe, may try, and how that goes decides. Beads and agents are named with their rigs.
 */
export interface Breaker {
  readonly failed: readonly { readonly bead: string; readonly at: number }[];
  readonly openedAt: number | null;
  readonly probe: { readonly agent: string; readonly at: number } | null;
}

export const CLOSED: Breaker = { failed: [], openedAt: null, probe: null };

/** A bead has used up its attempts. The same bead counts once. */
export function noteBeadFailed(breaker: Breaker, bead: string, now: number): Breaker {
  const others = breaker.failed.filter(
    (each) => each.bead !== bead && elapsedMs(each.at, now) < BREAKER_WINDOW_MS,
  );
  const failed = [...others, { bead, at: now }];
  const opens = breaker.openedAt === null && failed.length >= BREAKER_BEADS;
  return { ...breaker, failed, openedAt: opens ? now : breaker.openedAt };
}

/** An attempt ended before its bead was done: if it was the probe's, the breaker is open for another rest. */
export function noteAttemptFailed(breaker: Breaker, agent: string, now: number): Breaker {
  return breaker.probe?.agent === agent ? { ...breaker, openedAt: now, probe: null } : breaker;
}

/** An agent ran long enough, or finished its bead: if it was the probe, all may start again. */
export function noteHealthy(breaker: Breaker, agent: string): Breaker {
  return breaker.probe?.agent === agent ? CLOSED : breaker;
}

/** Until when starts are held back, in epoch milliseconds; null where the breaker is closed. */
export function heldUntil({ openedAt, probe }: Breaker, now: number): number | null {
  if (openedAt === null) return null;
  if (probe === null) return dueAt(openedAt + BREAKER_REST_MS, BREAKER_REST_MS, now);
  return dueAt(probe.at + PROBE_PATIENCE_MS, PROBE_PATIENCE_MS, now);
}

/** Whether the agent may start now: `until` is null if it may, and it may be the probe then. */
export function askToStart(
  breaker: Breaker,
  agent: string,
  now: number,
): { readonly breaker: Breaker; readonly until: number | null } {
  const until = heldUntil(breaker, now);
  if (until === null) return { breaker, until };
  const mayTry = breaker.probe?.agent === agent || until <= now;
  if (mayTry) return { breaker: { ...breaker, probe: { agent, at: now } }, until: null };
  return { breaker, until: breaker.probe === null ? until : Math.min(until, now + BREAKER_ASK_MS) };
}
