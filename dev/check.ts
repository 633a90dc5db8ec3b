import { execa } from 'execa';

/** What must hold before any test runs: format, types, lint. Side by side, because the first has one thread only. */
const CHECKS = [
  ['prettier', '--check', '--log-level', 'warn', '.'],
  ['tsc', '-b'],
  ['oxlint', '--type-aware', '--deny-warnings'],
] as const;

const results = await Promise.all(
  CHECKS.map(([file, ...args]) => execa(file, args, { preferLocal: true, reject: false, all: true })),
);
for (const { failed, all } of results) if (failed) console.error(all);
process.exitCode = results.some(({ failed }) => failed) ? 1 : 0;
