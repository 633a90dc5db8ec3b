import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  askToStart,
  BREAKER_BEADS,
  BREAKER_WINDOW_MS,
  CLOSED,
  LONGEST_HOLD_MS,
  noteBeadFailed,
} from '../../../src/rules/breaker.ts';
import type { Breaker } from '../../../src/rules/breaker.ts';
import { CLOCK_SLACK_MS, dueAt, elapsedMs } from '../../../src/rules/clock.ts';
import { AGENT_SILENCE_MS, PATROL_INTERVAL_MS, planDispatch } from '../../../src/rules/dispatch.ts';
import { AGENT, RIG } from './dispatch-facts.ts';
import { planWatch, WEDGE_WINDOW_MS } from '../../../src/rules/watch.ts';
import type { WatchView } from '../../../src/rules/watch.ts';

const NOW = 1_000_000_000;
const DAY_MS = 86_400_000;
const TEN_MINUTES_MS = 600_000;

/** A time that some clock has stored: one that is right, or one that has been put back since by up to a day. */
const stored = fc.integer({ min: NOW - DAY_MS, max: NOW + DAY_MS });

/** Looks when the plan says so until it acts, and gives how long that took from NOW, without what is no sign of a jump. */
function waitFor<Plan extends { nextAt: number | null }>(
  plan: (now: number) => Plan,
  acts: (plan: Plan) => boolean,
): number {
  for (let [now, looks] = [NOW, 0]; looks < 10_000; looks += 1) {
    const next = plan(now);
    if (acts(next)) return now - NOW - CLOCK_SLACK_MS;
    if (next.nextAt === null) break;
    now = Math.max(now + 1, next.nextAt);
  }
  return Number.POSITIVE_INFINITY;
}

describe('a clock that is put back', () => {
  it.each([
    ['past', NOW - 5, NOW - 5],
    ['about as far away as anything waits', NOW + 10 + CLOCK_SLACK_MS, NOW + 10 + CLOCK_SLACK_MS],
    ['further away than that', NOW + 11 + CLOCK_SLACK_MS, NOW],
  ])('leaves a time that is %s due when it should be', (_, until, due) => {
    expect(dueAt(until, 10, NOW)).toBe(due);
  });

  it('makes no time that has yet to come a recent one', () => {
    expect(elapsedMs(NOW - 5, NOW)).toBe(5);
    expect(elapsedMs(NOW, NOW)).toBe(0);
    expect(elapsedMs(NOW + CLOCK_SLACK_MS, NOW)).toBe(0);
    expect(elapsedMs(NOW + CLOCK_SLACK_MS + 1, NOW)).toBe(Number.POSITIVE_INFINITY);
  });

  it('postpones no start of an agent beyond the longest wait', () => {
    fc.assert(
      fc.property(stored, stored, (notBefore, heldUntil) => {
        const planAt = (now: number) => planDispatch({ ...RIG, heldUntil }, [{ ...AGENT, notBefore }], now);
        const ms = waitFor(planAt, ({ start }) => start.length > 0);
        expect(ms).toBeLessThanOrEqual(TEN_MINUTES_MS + LONGEST_HOLD_MS);
      }),
    );
  });

  it('postpones no restore beyond the longest wait', () => {
    fc.assert(
      fc.property(
        stored,
        stored,
        fc.constantFrom('restoring', 'failed'),
        (restoringSince, restoreNotBefore, state) => {
          const waiting = { ...AGENT, readyGeneration: 2 };
          const asked = { ...RIG, state, restoringSince, restoreNotBefore } as const;
          const planAt = (now: number) => planDispatch(asked, [waiting], now);
          expect(waitFor(planAt, ({ restore }) => restore.length > 0)).toBeLessThanOrEqual(TEN_MINUTES_MS);
        },
      ),
    );
  });

  it('lets no agent that is not heard of go unasked for longer than usual, whatever its container says', () => {
    fc.assert(
      fc.property(stored, stored, (startedAt, lastSeenAt) => {
        const working = { ...AGENT, status: 'working', startedAt, lastSeenAt } as const;
        const planAt = (now: number) => planDispatch(RIG, [working], now);
        const ms = waitFor(planAt, ({ askAbout }) => askAbout.length > 0);
        expect(ms).toBeLessThanOrEqual(AGENT_SILENCE_MS + PATROL_INTERVAL_MS);
      }),
    );
  });

  const view: WatchView = {
    container: { running: false, starting: false, bootId: null },
    currentBoot: null,
    recovery: null,
    wanted: true,
    nextStartAt: null,
    nextLaunchAt: null,
    wedgedAt: null,
    wedgeRestarts: [],
  };

  it('postpones no start, launch, nudge or end of a container beyond the longest wait', () => {
    const some = fc.array(stored, { maxLength: 4 });
    fc.assert(
      fc.property(stored, some, (one, wedgeRestarts) => {
        const wait = (of: Partial<WatchView>, act: string): number =>
          waitFor(
            (now) => planWatch({ ...view, ...of }, now),
            (plan) => plan.act === act,
          );
        expect(wait({ nextStartAt: one }, 'start')).toBeLessThanOrEqual(TEN_MINUTES_MS);
        const up = { container: { running: true, starting: false, bootId: 'b1' } };
        expect(wait({ ...up, nextLaunchAt: one }, 'launch')).toBeLessThanOrEqual(65_000);
        const currentBoot = { bootId: 'b1', ended: false };
        const recovery = { recoveryId: 'r', progressAt: one };
        expect(wait({ ...up, currentBoot, recovery }, 'nudge')).toBeLessThanOrEqual(15_000);
        const silent = {
          container: { running: true, starting: false, bootId: null },
          wedgedAt: one,
          wedgeRestarts,
        };
        expect(wait(silent, 'restart')).toBeLessThanOrEqual(WEDGE_WINDOW_MS + 5_000);
      }),
    );
  });

  it('holds no agent back for longer than the breaker does, and counts no failure that has yet to come', () => {
    const open = (openedAt: number, at: number | null): Breaker => {
      return { failed: [], openedAt, probe: at === null ? null : { agent: 'hono/bob', at } };
    };
    fc.assert(
      fc.property(stored, fc.option(stored), (openedAt, at) => {
        const ask = (now: number) => askToStart(open(openedAt, at), 'hono/ada', now).until;
        const ms = waitFor(
          (now) => ({ nextAt: ask(now) }),
          ({ nextAt }) => nextAt === null,
        );
        expect(ms).toBeLessThanOrEqual(LONGEST_HOLD_MS);
      }),
    );
    const later = Array.from({ length: BREAKER_BEADS - 1 }, (_, n) => n).reduce<Breaker>(
      (breaker, n) => noteBeadFailed(breaker, `b${n}`, NOW + BREAKER_WINDOW_MS),
      CLOSED,
    );
    expect(noteBeadFailed(later, 'last', NOW).openedAt).toBeNull();
  });
});
