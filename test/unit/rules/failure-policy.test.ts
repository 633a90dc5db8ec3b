import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../../src/contract/errors.ts';
import { endlessWaitMs, waitMs } from '../../../src/rules/backoff.ts';
import type { Backoff } from '../../../src/rules/backoff.ts';
import { BACKOFFS, FAILURES } from '../../../src/rules/failure-policy.ts';
import type { FailurePolicy } from '../../../src/rules/failure-policy.ts';

const ROOT = join(import.meta.dirname, '../../..');

const policies: [string, FailurePolicy][] = Object.entries(FAILURES);

/** The rows below a heading's first table, cell by cell. */
function tableBelow(file: string, heading: string): string[][] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const section = text.split(`\n${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function time(ms: number): string {
  if (ms % 60_000 === 0 && ms > 0) return `${ms / 60_000} min`;
  return `${ms / 1_000} s`;
}

function inWords({ waitsMs, upToMs, jitter }: Backoff): string {
  const listed = waitsMs.map(time).join(', ');
  const doubling = upToMs === null ? '' : `, doubling to ${time(upToMs)}`;
  return `${listed}${doubling}${jitter === 0 ? '' : `, by chance up to ${jitter * 100} % less`}`;
}

describe('the table of failures in docs/recovery.md', () => {
  it('says of each failure what the policy does: code, retryable, back-off', () => {
    const documented = tableBelow('docs/recovery.md', '## Failures').map((cells) => cells.slice(0, 4));
    const expected = policies.map(([name, { codes, backoffs }]) => [
      name,
      codes.map((code) => `\`${code}\``).join(', ') || '–',
      codes.every((code) => ERROR_CODES[code].retryable) ? 'yes' : 'no',
      backoffs.map((each) => inWords(BACKOFFS[each])).join('; then ') || '–',
    ]);
    expect(documented).toEqual(expected);
  });

  it('says of each failure what the operator sees and what happens next', () => {
    for (const [name, , , , sees, next] of tableBelow('docs/recovery.md', '## Failures')) {
      expect(sees, name).not.toBe('');
      expect(next, name).toMatch(/\w/);
    }
  });

  it('names failures whose codes agree on whether they may pass', () => {
    for (const [name, { codes }] of policies)
      expect(new Set(codes.map((code) => ERROR_CODES[code].retryable)).size, name).toBeLessThanOrEqual(1);
  });
});

describe('the table of failures in docs/test-matrix.md', () => {
  it('has a test for every failure, which bears its name', () => {
    const rows = tableBelow('docs/test-matrix.md', '## Failures of the policy');
    expect(rows.map(([name]) => name)).toEqual(policies.map(([name]) => name));
    for (const [name = '', files = ''] of rows) {
      for (const [, file = ''] of files.matchAll(/`([^`]+)`/g)) {
        expect(readFileSync(join(ROOT, file), 'utf8').includes(name), `${file} names “${name}”`).toBe(true);
      }
      expect(files, name).toContain('`test/');
    }
  });
});

describe('a back-off', () => {
  const backoffs: [string, Backoff][] = Object.entries(BACKOFFS);

  it('waits as listed, then doubles up to its maximum', () => {
    const backoff = { waitsMs: [0, 500], upToMs: 3_000, jitter: 0 };
    expect([0, 1, 2, 3, 4, 5, 6, 5_000].map((tries) => waitMs(backoff, tries))).toEqual([
      0, 0, 500, 1_000, 2_000, 3_000, 3_000, 3_000,
    ]);
  });

  it('ends after the listed waits where it has no maximum', () => {
    const backoff = { waitsMs: [10, 20], upToMs: null, jitter: 0 };
    expect([1, 2, 3, 4].map((tries) => waitMs(backoff, tries))).toEqual([10, 20, null, null]);
  });

  it('takes off by chance no more than its share, and spreads those who wait together', () => {
    const backoff = { waitsMs: [1_000], upToMs: 1_000, jitter: 0.5 };
    expect([0, 0.5, 1].map((random) => endlessWaitMs(backoff, 1, random))).toEqual([1_000, 750, 500]);
  });

  it.each(backoffs)('%s never waits less after more failures', (_, backoff) => {
    const waits = Array.from({ length: 30 }, (__, n) => waitMs(backoff, n + 1)).filter((ms) => ms !== null);
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits.at(-1)).toBe(backoff.upToMs ?? backoff.waitsMs.at(-1));
  });

  it.each(['objectCall', 'controlCall'] as const)('%s doubles, as the Workflow engine does', (name) => {
    const [first, ...more] = BACKOFFS[name].waitsMs;
    expect(more).toEqual(more.map((_, n) => first * 2 ** (n + 1)));
  });
});
