import { fullJitterMs } from '../contract/backoff.ts';
import type { Window } from '../contract/backoff.ts';

/**
 * When many towns restart together, they meet at what they share: the creation of Workflow instances, 100 a second for
 * all of them (https://developers.cloudflare.com/workflows/reference/limits/), and the git hosts. Nobody waits before the
 * first try, so a town that restarts alone loses nothing; a refusal is the sign of a storm, and spreads who was refused.
 */
const LAUNCH_SPREAD: Window = { firstMs: 10_000, maxMs: 120_000 };

/** Milliseconds until a recovery whose creation was refused `tries` times is launched again; `random` is from 0 to 1. */
export function launchWaitMs(tries: number, random: number): number {
  return fullJitterMs(LAUNCH_SPREAD, tries, random);
}

/** A pause of `ms` to twice that, by chance: what failed for all of a host's towns together is not tried again together. */
export function spreadMs(ms: number, random: number): number {
  return Math.round(ms * (1 + random));
}
