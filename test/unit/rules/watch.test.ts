import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Silence, WatchView } from '../../../src/rules/watch.ts';
import {
  countDeath,
  deathBackoffMs,
  HEALTHY_BOOT_MS,
  isNudgeNews,
  MAX_WEDGE_RESTARTS,
  noteCheck,
  NUDGE_AGAIN_MS,
  planWatch,
  RECOVERY_SILENCE_MS,
  RECOVERY_WATCH_MS,
  WATCH_INTERVAL_MS,
  WEDGE_GRACE_MS,
  WEDGE_WINDOW_MS,
} from '../../../src/rules/watch.ts';

const NOW = 1_000_000_000;
const SOON = NOW + RECOVERY_WATCH_MS;

const LIT: WatchView = {
  container: { running: true, starting: false, bootId: 'b1' },
  currentBoot: { bootId: 'b1', ended: false },
  recovery: null,
  wanted: false,
  nextStartAt: null,
  nextLaunchAt: null,
  wedgedAt: null,
  wedgeRestarts: [],
};
const WEDGED: WatchView = {
  ...LIT,
  container: { ...LIT.container, bootId: null },
  wedgedAt: NOW - WEDGE_GRACE_MS,
};
const DARK: WatchView = {
  ...LIT,
  container: { running: false, starting: false, bootId: null },
  currentBoot: { bootId: 'b1', ended: true },
};

describe('planWatch', () => {
  const quiet = { markEnded: false, act: 'none' };
  it.each<[string, WatchView, object]>([
    ['watches a container that is well', LIT, { ...quiet, nextAt: NOW + WATCH_INTERVAL_MS }],
    [
      'launches the recovery of a boot that nobody announced',
      { ...LIT, currentBoot: null },
      { ...quiet, act: 'launch', nextAt: SOON },
    ],
    [
      'ends the old boot and launches the new one',
      { ...LIT, container: { ...LIT.container, bootId: 'b2' } },
      { markEnded: true, act: 'launch', nextAt: SOON },
    ],
    [
      'ends a boot that was thought dead, because its messages are refused',
      { ...LIT, currentBoot: { bootId: 'b1', ended: true } },
      { ...quiet, act: 'restart', nextAt: SOON },
    ],
    [
      'looks again soon at a container that does not answer',
      { ...LIT, container: { ...LIT.container, bootId: null } },
      { ...quiet, nextAt: SOON },
    ],
    [
      'gives a container that does not answer its grace',
      { ...WEDGED, wedgedAt: NOW - WEDGE_GRACE_MS + 1 },
      { ...quiet, nextAt: SOON },
    ],
    [
      'ends a container whose grace is over, and its boot with it',
      WEDGED,
      { markEnded: true, act: 'restart', nextAt: SOON },
    ],
    [
      'ends it a third time within half an hour',
      { ...WEDGED, wedgeRestarts: [NOW - WEDGE_WINDOW_MS + 1, NOW - 1] },
      { markEnded: true, act: 'restart', nextAt: SOON },
    ],
    [
      'does not end it a fourth time within half an hour',
      { ...WEDGED, wedgeRestarts: [NOW - WEDGE_WINDOW_MS + 1, NOW - 2, NOW - 1] },
      { ...quiet, nextAt: SOON },
    ],
    [
      'ends it again when the first of three was half an hour ago',
      { ...WEDGED, wedgeRestarts: [NOW - WEDGE_WINDOW_MS, NOW - 2, NOW - 1] },
      { markEnded: true, act: 'restart', nextAt: SOON },
    ],
    [
      'waits before it launches the recovery of a boot again',
      { ...LIT, currentBoot: null, nextLaunchAt: NOW + 1 },
      { ...quiet, nextAt: SOON },
    ],
    [
      'launches it again when the time has come',
      { ...LIT, currentBoot: null, nextLaunchAt: NOW },
      { ...quiet, act: 'launch', nextAt: SOON },
    ],
    [
      'leaves a recovery that goes on',
      { ...LIT, recovery: { recoveryId: 'r', progressAt: NOW - RECOVERY_SILENCE_MS + 1 } },
      { ...quiet, nextAt: SOON },
    ],
    [
      'nudges a recovery that stands still',
      { ...LIT, recovery: { recoveryId: 'r', progressAt: NOW - RECOVERY_SILENCE_MS } },
      { ...quiet, act: 'nudge', nextAt: SOON },
    ],
    [
      'notes a death and looks at once',
      { ...DARK, currentBoot: { bootId: 'b1', ended: false } },
      { markEnded: true, act: 'none', nextAt: NOW },
    ],
    ['leaves a dark town dark while nobody needs it', DARK, { ...quiet, nextAt: null }],
    [
      'starts a dark town that is needed',
      { ...DARK, wanted: true },
      { ...quiet, act: 'start', nextAt: SOON },
    ],
    [
      'starts a town that never had a boot',
      { ...DARK, currentBoot: null, wanted: true },
      { ...quiet, act: 'start', nextAt: SOON },
    ],
    [
      'waits for the back-off',
      { ...DARK, wanted: true, nextStartAt: NOW + 9 },
      { ...quiet, nextAt: NOW + 9 },
    ],
    [
      'starts when the back-off ends',
      { ...DARK, wanted: true, nextStartAt: NOW },
      { ...quiet, act: 'start', nextAt: SOON },
    ],
    [
      'waits for a start that is under way',
      { ...DARK, wanted: true, container: { ...DARK.container, starting: true } },
      { ...quiet, nextAt: SOON },
    ],
  ])('%s', (_, view, plan) => {
    expect(planWatch(view, NOW)).toEqual(plan);
  });

  it('always looks again while the container runs or is wanted', () => {
    const instant = fc.option(fc.integer({ min: NOW - 100_000, max: NOW + 100_000 }));
    const view: fc.Arbitrary<WatchView> = fc.record({
      container: fc.record({
        running: fc.boolean(),
        starting: fc.boolean(),
        bootId: fc.constantFrom(null, 'b1', 'b2'),
      }),
      currentBoot: fc.option(fc.record({ bootId: fc.constantFrom('b1', 'b2'), ended: fc.boolean() })),
      recovery: fc.option(
        fc.record({ recoveryId: fc.constant('r'), progressAt: fc.integer({ min: 0, max: NOW }) }),
      ),
      wanted: fc.boolean(),
      nextStartAt: instant,
      nextLaunchAt: instant,
      wedgedAt: instant,
      wedgeRestarts: fc.array(fc.integer({ min: NOW - 2 * WEDGE_WINDOW_MS, max: NOW }), { maxLength: 5 }),
    });
    fc.assert(
      fc.property(view, (facts) => {
        const { nextAt, act } = planWatch(facts, NOW);
        const { running, bootId } = facts.container;
        const looksAgain = nextAt !== null && nextAt >= NOW;
        expect(looksAgain || !(running || facts.wanted)).toBe(true);
        expect(act === 'start' && running).toBe(false);
        expect(act === 'launch' && bootId === null).toBe(false);
        const isFenced = facts.currentBoot?.ended === true && facts.currentBoot.bootId === bootId;
        expect(act === 'restart' && (!running || (bootId !== null && !isFenced))).toBe(false);
      }),
    );
  });
});

describe('isNudgeNews', () => {
  const recovery = { recoveryId: 'r', progressAt: NOW - RECOVERY_SILENCE_MS };
  it.each([
    ['the first time', null, true],
    ['after a nudge of another recovery', { recoveryId: 'q', at: NOW - 1 }, true],
    ['after progress since the last one', { recoveryId: 'r', at: recovery.progressAt - 1 }, true],
    ['soon after one', { recoveryId: 'r', at: NOW - 5_000 }, false],
    ['a minute after one', { recoveryId: 'r', at: NOW - NUDGE_AGAIN_MS }, true],
    ['after one that a clock put back has yet to come to', { recoveryId: 'r', at: NOW + 60_000 }, true],
  ])('%s', (_, last, isNews) => {
    const stands = last?.at === NOW - NUDGE_AGAIN_MS ? { ...recovery, progressAt: 0 } : recovery;
    expect(isNudgeNews(stands, last, NOW)).toBe(isNews);
  });
});

describe('noteCheck', () => {
  it('takes three checks in a row without an answer for a wedge, from the third on', () => {
    let silence: Silence = { failedChecks: 0, wedgedAt: null };
    const seen = [1, 2, 3, 4].map((at) => (silence = noteCheck(silence, false, NOW + at)).wedgedAt);
    expect(seen).toEqual([null, null, NOW + 3, NOW + 3]);
  });

  it('forgets them all at one answer', () => {
    const silence = { failedChecks: 2, wedgedAt: null };
    expect(noteCheck(silence, true, NOW)).toEqual({ failedChecks: 0, wedgedAt: null });
    expect(noteCheck(noteCheck(silence, true, NOW), false, NOW).wedgedAt).toBeNull();
  });

  it('and the plan end a container that never answers at most three times in any half hour, and go on for ever', () => {
    let silence: Silence = { failedChecks: 0, wedgedAt: null };
    const restarts: number[] = [];
    for (let now = NOW; now < NOW + 4 * WEDGE_WINDOW_MS; now += RECOVERY_WATCH_MS) {
      silence = noteCheck(silence, false, now);
      const view = { ...WEDGED, ...silence, wedgeRestarts: restarts };
      if (planWatch(view, now).act !== 'restart') continue;
      restarts.push(now);
      silence = { failedChecks: 0, wedgedAt: null };
    }
    expect(restarts.length).toBeGreaterThanOrEqual(9);
    for (const [n, at] of restarts.entries()) {
      const fourth = restarts[n + MAX_WEDGE_RESTARTS];
      if (fourth !== undefined) expect(fourth - at).toBeGreaterThanOrEqual(WEDGE_WINDOW_MS);
    }
    expect(Number(restarts[0]) - NOW).toBe(2 * RECOVERY_WATCH_MS + WEDGE_GRACE_MS);
  });
});

describe('deaths', () => {
  it('cost nothing at first, then twice as much each time, and ten minutes at most', () => {
    expect([0, 1, 2, 3, 4, 5].map(deathBackoffMs)).toEqual([0, 0, 500, 1_000, 2_000, 4_000]);
    expect(deathBackoffMs(60)).toBe(600_000);
    expect(deathBackoffMs(5_000)).toBe(600_000);
  });

  it.each([
    [3, null, 4],
    [3, NOW - HEALTHY_BOOT_MS + 1, 4],
    [3, NOW - HEALTHY_BOOT_MS, 1],
    [0, null, 1],
  ])('after %i, recovered at %s, count %i', (deaths, recoveredAt, counted) => {
    expect(countDeath(deaths, recoveredAt, NOW)).toBe(counted);
  });
});
