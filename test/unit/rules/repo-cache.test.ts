import { describe, expect, it } from 'vitest';
import { CACHE_MAX_AGE_MS, NO_CACHE, planCache } from '../../../src/rules/repo-cache.ts';
import type { CacheRecord } from '../../../src/rules/repo-cache.ts';

const HOUR_MS = 60 * 60_000;
const NOW = 1_800_000_000_000;

function record(at: number, more: Partial<CacheRecord> = {}): CacheRecord {
  const [gitUrl, tips, sha256] = ['https://git.test/core.git', ['a'.repeat(40)], 'b'.repeat(64)];
  const stored = { gitUrl, tips, blobless: true, bytes: 10_000_000, sha256, at, key: 'town/core/1.tar' };
  return { ...NO_CACHE, stored, ...more };
}

describe('a stored cache', () => {
  it('is used while it is young, and a new one may be stored at any time', () => {
    expect(planCache(record(NOW), NOW)).toEqual({ use: true, store: true });
    expect(planCache(record(NOW - CACHE_MAX_AGE_MS), NOW)).toEqual({ use: true, store: true });
    expect(planCache(record(NOW - CACHE_MAX_AGE_MS - 1), NOW)).toEqual({ use: false, store: true });
    expect(planCache(NO_CACHE, NOW)).toEqual({ use: false, store: true });
  });

  it('that failed is replaced at once, and after each further one later, a day later at most', () => {
    const waits = [1, 2, 3, 4, 50].map((failures) => {
      const failed: CacheRecord = { stored: null, failures, failedAt: NOW };
      const hours = Array.from({ length: 26 }, (_, hour) => hour);
      return hours.find((hour) => planCache(failed, NOW + hour * HOUR_MS).store);
    });
    expect(waits).toEqual([0, 1, 2, 4, 24]);
  });
});
