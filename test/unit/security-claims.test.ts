import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENT = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');

/** What may be said without a test: that something is possible, or where more of it is. */
const WITHOUT_TEST = /^- (?:can reach|sees ssh)/;

/** The claims of who can and cannot do what, one a line, with the tests that they name. */
const claims = DOCUMENT.split('\n## ')
  .filter((section) => !/^(?:What is trusted|Limits)/.test(section))
  .flatMap((section) => section.split('\n').filter((line) => line.startsWith('- ')))
  .map((line) => ({ line, named: [...line.matchAll(/`(test\/[^`]+)` "([^"]+)"/g)] }));

describe('docs/security.md', () => {
  it('has a test behind each claim', () => {
    expect(claims.length).toBeGreaterThan(20);
    const bare = claims.filter(({ line, named }) => named.length === 0 && !WITHOUT_TEST.test(line));
    expect(bare.map(({ line }) => line)).toEqual([]);
  });

  it.each(claims.flatMap(({ named }) => named.map(([, file = '', words = '']) => ({ file, words }))))(
    'names a test of $file that is there: $words',
    ({ file, words }) => {
      expect(existsSync(join(ROOT, file))).toBe(true);
      const titles = readFileSync(join(ROOT, file), 'utf8')
        .split(/\b(?:it|test|describe)(?:\.\w+)*\(|\)\(/)
        .slice(1)
        .map((text) => text.slice(0, 400));
      expect(titles.some((text) => text.includes(words))).toBe(true);
    },
  );
});
