import { expect, it } from 'vitest';
import { readOptions, runSuite } from '../chaos/suite.ts';

/** Chosen because its runs are short, and strike container, control server and callbacks in several phases. */
const FIXED = ['--seed', '252', '--runs', '2', '--sleep', '0'];
/** Those after which a town is soon itself again. */
const SWIFT = [
  'container dies',
  'control server unreachable: s',
  'callback',
  'message of',
  'boot announced',
  'event lost',
];

it('holds every invariant under a few random faults of a fixed seed', { timeout: 400_000 }, async () => {
  const lines: string[] = [];
  const options = readOptions([...FIXED, '--faults', SWIFT.join(',')]);
  const { signal } = new AbortController();
  const result = await runSuite(options, { print: (line) => lines.push(line), signal });
  expect(result.ok, lines.join('\n')).toBe(true);
});
