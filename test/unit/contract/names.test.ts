import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorCode, ERROR_CODES, problemOf, RelightError } from '../../../src/contract/errors.ts';
import { CALLBACKS } from '../../../src/contract/callbacks.ts';
import { CONTROL } from '../../../src/contract/control.ts';
import { pathOf } from '../../../src/contract/exchange.ts';
import { isBranchName } from '../../../src/contract/git-names.ts';
import { BootId, CommitId, Id } from '../../../src/contract/ids.ts';

/** What git itself says of a branch name, but for `@`: git takes it, and then reads it as HEAD everywhere else. */
function gitAccepts(name: string): boolean {
  if (name === '@') return false;
  // Outside of every repository: in one, git also accepts what stands for the branch before this one.
  const options = { stdio: 'ignore', cwd: '/' } as const;
  return spawnSync('git', ['check-ref-format', '--branch', name], options).status === 0;
}

describe('isBranchName', () => {
  it.each([
    'main',
    'gt/ada/b',
    'a.b',
    'a-b',
    '@a',
    'a@',
    'a@b',
    'feature/ž',
    'x{',
    'a}',
    'refs/heads/x',
    'head',
    'HEADS',
    'a/HEAD',
    '🐎',
    "a'b",
    'a"b',
    'a`b',
    'a$b',
    'a;b',
    'a|b',
    'a&b',
    'a(b)',
    'a,b',
    'a=b',
    'a!b',
    'a%b',
    'a#b',
    'a/-b',
    'lock',
    'a.locks',
    '',
    'HEAD',
    '@',
    '-',
    '-a',
    '--',
    'a..b',
    'a.',
    '.a',
    'a/.b',
    'a.lock',
    'a.lock/b',
    'a//b',
    '/a',
    'a/',
    'a b',
    'a~b',
    'a^b',
    'a:b',
    'a?b',
    'a*b',
    'a[b',
    'a\\b',
    'a@{b',
    '@{-1}',
    'a\tb',
    'a\nb',
    'a\u007fb',
    'a\u0001b',
    '.',
    '..',
    '/',
  ])('agrees with git about %j', (name) => {
    expect(isBranchName(name)).toBe(gitAccepts(name));
  });

  it('agrees with git about names of every kind', () => {
    const piece = fc.constantFrom(
      'a',
      'B',
      '0',
      '/',
      '.',
      '..',
      '-',
      '@',
      '{',
      '@{',
      '}',
      '~',
      '^',
      ':',
      '?',
      '*',
      '[',
      '\\',
      ' ',
      '.lock',
      'HEAD',
      'ž',
      '\t',
      '\u007f',
      '_',
    );
    const name = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(name, (each) => {
        expect(isBranchName(each)).toBe(gitAccepts(each));
      }),
      { numRuns: 1_500 },
    );
  }, 60_000);

  it('takes names of up to 200 characters', () => {
    expect(isBranchName('a'.repeat(200))).toBe(true);
    expect(isBranchName('a'.repeat(201))).toBe(false);
  });
});

describe('ids', () => {
  it.each(['a', '0', 'a'.repeat(63), 'a.b', 'a-b_c', 'a.lock.b', 'lock'])('take %j', (id) => {
    expect(Id.safeParse(id).success).toBe(true);
  });

  it.each([
    '',
    'A',
    'a'.repeat(64),
    '.a',
    '-a',
    '_a',
    'a..b',
    'a.',
    'a.lock',
    'a/b',
    'a b',
    'a\n',
    '~a',
    'ž',
  ])('refuse %j', (id) => {
    expect(Id.safeParse(id).success).toBe(false);
  });

  it('are good components of a ref and of a folder, each by itself', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/), (id) => {
        expect(isBranchName(`gt/${id}/${id}`) || !Id.safeParse(id).success).toBe(true);
      }),
    );
  });

  it('of boots and commits are hex of their exact length', () => {
    expect(BootId.safeParse('0'.repeat(32)).success).toBe(true);
    for (const wrong of [
      '0'.repeat(31),
      '0'.repeat(33),
      'G'.repeat(32),
      'A'.repeat(32),
      `${'0'.repeat(32)}\n`,
    ])
      expect(BootId.safeParse(wrong).success).toBe(false);
    for (const length of [40, 64]) expect(CommitId.safeParse('f'.repeat(length)).success).toBe(true);
    for (const length of [7, 39, 41, 63]) expect(CommitId.safeParse('f'.repeat(length)).success).toBe(false);
  });
});

describe('errors', () => {
  it.each(Object.keys(ERROR_CODES))('%s is a code, and a problem with a status of its own', (code) => {
    const known = ErrorCode.parse(code);
    expect(problemOf(known, 'why')).toMatchObject({ code, status: ERROR_CODES[known].status, detail: 'why' });
    expect(new RelightError(known, 'why').retryable).toBe(ERROR_CODES[known].retryable);
  });

  it.each(['', 'toString', 'constructor', '__proto__', 7, null])('%j is none', (code) => {
    expect(ErrorCode.safeParse(code).success).toBe(false);
  });
});

describe('exchanges', () => {
  it.each([CONTROL, CALLBACKS])('have one address each', (calls) => {
    const addresses = Object.values(calls).map(({ method, path }) => `${method} ${path}`);
    expect(new Set(addresses).size).toBe(addresses.length);
  });

  it('fill their places in, encoded, and miss none', () => {
    expect(pathOf(CONTROL.start, { rig: 'a/b', agent: 'c d' })).toBe('/rigs/a%2Fb/agents/c%20d');
    expect(() => pathOf(CONTROL.start, { rig: 'a' })).toThrow(TypeError);
  });
});
