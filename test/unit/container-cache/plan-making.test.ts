import { describe, expect, it } from 'vitest';
import { planMaking } from '../../../container/cache/plan-making.ts';
import type { MakingFacts } from '../../../container/cache/plan-making.ts';
import { CACHE_MAX_BYTES } from '../../../src/contract/repo-cache.ts';

const HOUR_MS = 60 * 60_000;
const NOW = 1_800_000_000_000;
const [OLD, NEW] = ['a'.repeat(40), 'b'.repeat(40)];

/** A repository of 50 MB, whose cache of an hour ago had 10 MB; `main` has moved since. */
function facts(more: Partial<MakingFacts> = {}, agoHours = 1): MakingFacts {
  const gitUrl = 'https://git.test/core.git';
  const at = NOW - agoHours * HOUR_MS;
  const stored = { gitUrl, tips: [OLD], blobless: true, bytes: 10_000_000, sha256: 'c'.repeat(64), at };
  return {
    stored,
    tips: [NEW],
    bytes: 50_000_000,
    newBytes: 1_000_000,
    rewritten: false,
    lazy: true,
    ...more,
  };
}

describe('a new cache is made', () => {
  it.each([
    ['where there is none', facts({ stored: null })],
    ['when six hours have gone by', facts({}, 6)],
    ['when much has come since', facts({ newBytes: 2_500_000 })],
    ['when the remote has lost what is in the old one', facts({ rewritten: true })],
    ['of the same, before the old one counts as too old', facts({ tips: [OLD] }, 14 * 24)],
  ])('%s', (_, given) => {
    expect(planMaking(given, NOW)).toEqual({ make: true, blobless: true });
  });

  it('with all contents where the remote gives no single ones, also in the place of one without', () => {
    expect(planMaking(facts({ lazy: false, tips: [OLD] }), NOW)).toEqual({ make: true, blobless: false });
  });
});

describe('no cache is made', () => {
  it.each([
    ['when nothing has changed', facts({ tips: [OLD] }, 13 * 24)],
    ['when little has come in less than six hours', facts({}, 5.9)],
    ['of a remote without branches', facts({ tips: [], stored: null })],
    ['of little', facts({ stored: null, bytes: 1_999_999 })],
    ['of more than can be stored', facts({ stored: null, lazy: false, bytes: CACHE_MAX_BYTES + 1 })],
  ])('%s', (_, given) => {
    expect(planMaking(given, NOW)).toEqual({ make: false, why: expect.stringMatching(/\w/) });
  });
});
