import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WatchView } from '../../../src/rules/watch.ts';
import {
  countDeath,
  deathBackoffMs,
  HEALTHY_BOOT_MS,
  planWatch,
  RECOVERY_SILENCE_MS,
  RECOVERY_WATCH_MS,
  START_DEADLINE_MS,
  WATCH_INTERVAL_MS,
} from '../../../src/rules/watch.ts';

const NOW = 1_000_000_000;
const SOON = NOW + RECOVERY_WATCH_MS;

const LIT: WatchView = {
  container: { running: true, bootId: 'b1' },
  currentBoot: { bootId: 'b1', ended: false },
  recovery: null,
  wanted: false,
  startingSince: null,
  nextStartAt: null,
};
const DARK: WatchView = {
  ...LIT,
  container: { running: false, bootId: null },
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
      { ...LIT, container: { running: true, bootId: 'b2' } },
      { markEnded: true, act: 'launch', nextAt: SOON },
    ],
    [
      'launches a boot that was thought dead',
      { ...LIT, currentBoot: { bootId: 'b1', ended: true } },
      { ...quiet, act: 'launch', nextAt: SOON },
    ],
    [
      'looks again soon at a container that does not answer',
      { ...LIT, container: { running: true, bootId: null } },
      { ...quiet, nextAt: SOON },
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
      { ...DARK, wanted: true, startingSince: NOW - 1 },
      { ...quiet, nextAt: NOW - 1 + START_DEADLINE_MS },
    ],
    [
      'starts again after a start that never ended',
      { ...DARK, wanted: true, startingSince: NOW - START_DEADLINE_MS },
      { ...quiet, act: 'start', nextAt: SOON },
    ],
  ])('%s', (_, view, plan) => {
    expect(planWatch(view, NOW)).toEqual(plan);
  });

  it('always looks again while the container runs or is wanted', () => {
    const instant = fc.option(fc.integer({ min: NOW - 100_000, max: NOW + 100_000 }));
    const view: fc.Arbitrary<WatchView> = fc.record({
      container: fc.record({ running: fc.boolean(), bootId: fc.constantFrom(null, 'b1', 'b2') }),
      currentBoot: fc.option(fc.record({ bootId: fc.constantFrom('b1', 'b2'), ended: fc.boolean() })),
      recovery: fc.option(
        fc.record({ recoveryId: fc.constant('r'), progressAt: fc.integer({ min: 0, max: NOW }) }),
      ),
      wanted: fc.boolean(),
      startingSince: instant,
      nextStartAt: instant,
    });
    fc.assert(
      fc.property(view, (facts) => {
        const { nextAt, act } = planWatch(facts, NOW);
        const { running, bootId } = facts.container;
        const looksAgain = nextAt !== null && nextAt >= NOW;
        expect(looksAgain || !(running || facts.wanted)).toBe(true);
        expect(act === 'start' && running).toBe(false);
        expect(act === 'launch' && bootId === null).toBe(false);
      }),
    );
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
