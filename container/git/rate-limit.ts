import { fullJitterMs } from '../../src/contract/backoff.ts';
import type { Window } from '../../src/contract/backoff.ts';

/** Git commands of this container that talk to one host at the same time, over all rigs. */
export const HOST_AT_ONCE = 4;

/** A command that takes longer gives up its turn, not its work: it has asked, and must not hold other rigs back. */
export const TURN_MS = 10_000;

/** How long a command waits in all for a host that refuses; then its rig says so, and is restored again later. */
export const PATIENCE_MS = 120_000;

/** What a host that names no time is taken to have asked for. */
export const DEFAULT_RETRY_AFTER_MS = 1_000;

/** Over which time those who were refused spread their next requests: at first this, or … */
const SPREAD: Window = { firstMs: 2_000, maxMs: 60_000 };

/** … so many times what the host asked for. Who asks for more has more to do, and more of those whom it told the same. */
const SPREAD_SHARE = 2;

/**
 * Milliseconds to leave a host alone that has refused `refusals` times in a row: what it asked for, and by chance more,
 * because everybody was told the same. `random` is from 0 to 1.
 */
export function leaveAloneMs(refusals: number, retryAfter: number | null, random: number): number {
  const askedMs = retryAfter ?? DEFAULT_RETRY_AFTER_MS;
  const firstMs = Math.max(SPREAD.firstMs, SPREAD_SHARE * askedMs);
  return askedMs + fullJitterMs({ ...SPREAD, firstMs }, refusals, random);
}
