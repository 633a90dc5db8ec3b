import fc from 'fast-check';
import { expect } from 'vitest';
import { Problem } from '../../src/contract/errors.ts';

/** Names that exist, that could, and that must not: as they stand in a path. */
export const name = (known: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom(...known),
    fc.constantFrom(
      '..',
      '%2e%2e',
      '%2F',
      '%00',
      '%E0%A4',
      '~towns',
      'a.lock',
      'A',
      'x'.repeat(64),
      '__proto__',
    ),
    fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }).map(encoded),
  );

/** A body, and what it says it is; null is none. */
export interface Sent {
  readonly type: string;
  readonly text: string;
}

/** Bodies of JSON and of anything else; `keys` are what a good one would have. */
export const body = (keys: readonly string[]): fc.Arbitrary<Sent | null> => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom('x', '', 0, -1, 2 ** 60, null, {}, [], 'https://git.test/r.git', 'a'.repeat(70)),
  );
  const json = fc
    .oneof(fc.dictionary(fc.constantFrom(...keys, '__proto__', 'constructor'), value), value)
    .map((data) => ({ type: 'application/json', text: JSON.stringify(data) ?? 'null' }));
  const broken = fc
    .tuple(fc.constantFrom('application/json', 'text/plain', '', 'application/json; charset=x'), fc.string())
    .map(([type, text]) => ({ type, text }));
  return fc.oneof({ weight: 4, arbitrary: json }, { weight: 2, arbitrary: broken }, fc.constant(null));
};

/** Whatever was asked: nothing broke, and a refusal is a problem that the contract knows (RFC 9457). */
export async function expectAnswer(response: Response, what: string): Promise<Problem | null> {
  expect(response.status, what).not.toBe(500);
  if (response.status < 400) {
    await response.body?.cancel();
    return null;
  }
  expect(response.headers.get('content-type'), what).toContain('application/problem+json');
  const problem = Problem.parse(await response.json());
  expect(problem.status, what).toBe(response.status);
  return problem;
}

function encoded(text: string): string {
  // A lone surrogate has no encoding.
  return encodeURIComponent(text.toWellFormed()).replaceAll('.', '%2E');
}
