import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Pace } from '../../../container/snapshots/pace.ts';

const INTERVAL = 10_000;

/** The times at which a snapshot was due within `ms`, in seconds. */
function dueWithin(ms: number, live: (pace: Pace) => void = () => undefined): number[] {
  const began = Date.now();
  const due: number[] = [];
  const pace = new Pace(INTERVAL, () => {
    due.push(Math.round((Date.now() - began) / 1000));
    pace.begun();
  });
  live(pace);
  vi.advanceTimersByTime(ms);
  pace.stop();
  return due;
}

describe('a snapshot is due', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('once changes go quiet, and at the latest one interval after the first of them', () => {
    expect(dueWithin(9_000, (pace) => pace.changed())).toEqual([2]);
    const busy = (pace: Pace): void => {
      pace.changed();
      const again = setInterval(() => pace.changed(), 1_000);
      setTimeout(() => clearInterval(again), 15_000);
    };
    expect(dueWithin(30_000, busy)).toEqual([10, 17]);
  });

  test('in every interval in which the agent wrote something', () => {
    const chatty = (pace: Pace): void => void setInterval(() => pace.stirred(), 3_000);
    expect(dueWithin(50_000, chatty)).toEqual([12, 22, 32, 42]);
  });

  test('ever more rarely while nothing is heard of the agent', () => {
    expect(dueWithin(3_000_000)).toEqual([120, 360, 840, 1440, 2040, 2640]);
  });
});
