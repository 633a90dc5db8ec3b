import { describe, expect, it } from 'vitest';
import {
  askToStart,
  BREAKER_ASK_MS,
  BREAKER_BEADS,
  BREAKER_REST_MS,
  BREAKER_WINDOW_MS,
  CLOSED,
  heldUntil,
  noteAttemptFailed,
  noteBeadFailed,
  noteHealthy,
  PROBE_PATIENCE_MS,
} from '../../../src/rules/breaker.ts';
import type { Breaker } from '../../../src/rules/breaker.ts';

const NOW = 1_000_000_000;
const RESTED = NOW + BREAKER_REST_MS;

/** The breaker after so many beads failed, `everyMs` apart, the last of them at NOW. */
function after(beads: number, everyMs = 1): Breaker {
  const times = Array.from({ length: beads }, (_, n) => NOW - (beads - 1 - n) * everyMs);
  return times.reduce((breaker, at, n) => noteBeadFailed(breaker, `hono/ada/b${n}`, at), CLOSED);
}

describe('beads fail all over the town: the breaker', () => {
  it('lets everybody start while it is closed, and changes nothing', () => {
    expect(askToStart(CLOSED, 'hono/ada', NOW)).toEqual({ breaker: CLOSED, until: null });
  });

  it.each([
    ['19 beads', after(BREAKER_BEADS - 1), null],
    ['20 beads at once', after(BREAKER_BEADS), RESTED],
    ['20 beads within half an hour', after(BREAKER_BEADS, BREAKER_WINDOW_MS / 20), RESTED],
    ['20 beads over half an hour', after(BREAKER_BEADS, BREAKER_WINDOW_MS / 19), null],
    [
      'one bead 40 times',
      Array.from({ length: 40 }).reduce<Breaker>((b) => noteBeadFailed(b, 'x', NOW), CLOSED),
      null,
    ],
  ])('after %s', (_, breaker, until) => {
    expect(heldUntil(breaker, NOW)).toBe(until);
    expect(askToStart(breaker, 'hono/ada', NOW).until).toBe(until);
  });

  it('is not opened again, for a longer time, by beads that were under way', () => {
    expect(heldUntil(noteBeadFailed(after(BREAKER_BEADS), 'late', NOW + 9), NOW)).toBe(RESTED);
  });

  it('lets one agent try after its rest, that one as often as it asks, and no other', () => {
    const open = after(BREAKER_BEADS);
    expect(askToStart(open, 'hono/ada', RESTED - 1).until).toBe(RESTED);
    const { breaker, until } = askToStart(open, 'hono/ada', RESTED);
    expect(until).toBeNull();
    expect(askToStart(breaker, 'hono/eve', RESTED).until).toBe(RESTED + BREAKER_ASK_MS);
    expect(askToStart(breaker, 'hono/ada', RESTED + 1).until).toBeNull();
  });

  it('rests again when that agent fails, whatever the others do', () => {
    const { breaker } = askToStart(after(BREAKER_BEADS), 'hono/ada', RESTED);
    expect(noteAttemptFailed(breaker, 'hono/eve', RESTED + 5)).toBe(breaker);
    const failed = noteAttemptFailed(breaker, 'hono/ada', RESTED + 5);
    expect(heldUntil(failed, RESTED + 5)).toBe(RESTED + 5 + BREAKER_REST_MS);
  });

  it('closes when that agent is healthy, whatever the others are, and has forgotten all', () => {
    const { breaker } = askToStart(after(BREAKER_BEADS), 'hono/ada', RESTED);
    expect(noteHealthy(breaker, 'hono/eve')).toBe(breaker);
    expect(noteHealthy(breaker, 'hono/ada')).toBe(CLOSED);
  });

  it('lets another one try when nothing is heard of the first', () => {
    const { breaker } = askToStart(after(BREAKER_BEADS), 'hono/ada', RESTED);
    const later = askToStart(breaker, 'hono/eve', RESTED + PROBE_PATIENCE_MS);
    expect(later).toMatchObject({ until: null, breaker: { probe: { agent: 'hono/eve' } } });
  });
});
