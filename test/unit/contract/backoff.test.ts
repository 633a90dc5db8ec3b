import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chanceOf, fullJitterMs, retryAfterMs } from '../../../src/contract/backoff.ts';

describe('back-off that both sides share', () => {
  it('spreads over a window that doubles with each try up to its maximum', () => {
    const window = { firstMs: 100, maxMs: 350 };
    expect([0, 1, 2, 3, 9].map((tries) => fullJitterMs(window, tries, 1))).toEqual([100, 100, 200, 350, 350]);
    expect([0, 0.5, 1].map((random) => fullJitterMs(window, 2, random))).toEqual([0, 100, 200]);
  });

  it.for([
    ['7', 7_000],
    [' 0 ', 0],
    ['Thu, 01 Jan 1970 00:01:40 GMT', 90_000],
    ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
    ['soon', null],
    ['', null],
    [null, null],
  ] as const)('reads Retry-After %j as %j ms', ([header, ms]) => {
    expect(retryAfterMs(header, 10_000)).toBe(ms);
  });

  it('makes of a text a number between 0 and 1, the same each time, and spread over all of it', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const chance = chanceOf(text);
        expect(chance).toBe(chanceOf(text));
        expect(chance).toBeGreaterThanOrEqual(0);
        expect(chance).toBeLessThan(1);
      }),
    );
    const chances = Array.from({ length: 10_000 }, (_, n) => chanceOf(`boot-${n}/rig`));
    const tenths = Map.groupBy(chances, (chance) => Math.floor(chance * 10));
    const sizes = [...tenths.values()].map(({ length }) => length);
    expect(sizes).toHaveLength(10);
    expect(Math.min(...sizes)).toBeGreaterThan(800);
  });
});
