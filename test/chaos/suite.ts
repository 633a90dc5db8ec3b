import { cp, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { available, faultsNamed } from './faults/all.ts';
import type { Fault } from './faults/fault.ts';
import { openArena } from './towns/arena.ts';
import type { Arena } from './towns/arena.ts';
import { resultOf } from './towns/ledger.ts';
import type { SuiteResult } from './towns/ledger.ts';
import { trialLine, violationReport } from './towns/report.ts';
import { runTrial } from './towns/trial.ts';
import type { Trial } from './towns/trial.ts';

export const HELP = `npm run chaos -- [options]

Lets random faults strike towns of working agents, and checks after each run that every invariant holds.

  --runs N         how many towns (20)
  --seed N         of all random choices; otherwise a new one, which is printed
  --only K         run number K of that seed alone
  --faults A,B     only faults whose names begin so
  --json FILE      write the result as JSON
  --keep           keep diaries and output of runs that went wrong, and say where`;

/** A world is opened anew after so many runs: it keeps the state of all its towns. */
const RUNS_PER_ARENA = 25;
const RUN_LIMIT_MS = 420_000;

const Options = z.object({
  runs: z.coerce.number().int().min(1).max(10_000).default(20),
  seed: z.coerce.number().int().nonnegative(),
  only: z.coerce.number().int().min(1).optional(),
  faults: z
    .string()
    .default('')
    .transform((text) => text.split(',').filter((name) => name !== '')),
  json: z.string().optional(),
  keep: z.boolean().default(false),
});
export type SuiteOptions = z.infer<typeof Options>;

/** Reads the command line. Throws a ZodError or TypeError for options that are none. */
export function readOptions(args: readonly string[]): SuiteOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      only: { type: 'string' },
      faults: { type: 'string' },
      json: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  });
  return Options.parse(values);
}

/** The seed of one run, by which it can be had alone. */
function seedOf(seed: number, number: number): number {
  return (Math.imul(seed + 1, 2_654_435_761) + Math.imul(number, 40_503)) >>> 0;
}

/** Runs the suite to its end, or until `signal` stops it. */
export async function runSuite(
  options: SuiteOptions,
  { print, signal }: { print: (line: string) => void; signal: AbortSignal },
): Promise<SuiteResult> {
  const { seed, runs, only, keep } = options;
  const faults = faultsNamed(options.faults);
  const numbers = only === undefined ? Array.from({ length: runs }, (_, at) => at + 1) : [only];
  print(`${numbers.length} runs with ${faults.length} faults, seed ${seed}`);
  const trials: Trial[] = [];
  for (let from = 0; from < numbers.length && !signal.aborted; from += RUNS_PER_ARENA) {
    const arena = await openArena();
    try {
      const { usable, missing } = available(faults, arena);
      if (from === 0) for (const why of missing) print(`not here: ${why}`);
      for (const number of numbers.slice(from, from + RUNS_PER_ARENA)) {
        if (signal.aborted) break;
        const trial = await boundedTrial(
          arena,
          { number, seed: seedOf(seed, number), faults: usable },
          signal,
        );
        trials.push(trial);
        print(trialLine(trial));
        if (trial.violations.length === 0) continue;
        print(violationReport(trial, seed));
        if (keep) print(`  kept in ${await keepEvidence(arena, trial)}`);
      }
    } finally {
      await arena.close();
    }
  }
  return resultOf(
    seed,
    trials,
    faults.map(({ name }) => name),
  );
}

/** One run that ends, even if the harness itself breaks: that is a violation too. */
async function boundedTrial(
  arena: Arena,
  options: { number: number; seed: number; faults: readonly Fault[] },
  signal: AbortSignal,
): Promise<Trial> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`the run took longer than ${RUN_LIMIT_MS} ms`)),
    RUN_LIMIT_MS,
  );
  const stop = (): void => reject(new Error(String(signal.reason)));
  signal.addEventListener('abort', stop);
  const startedAt = Date.now();
  try {
    return await Promise.race([runTrial(arena, options), late]);
  } catch (error) {
    const seen = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const violations = [{ invariant: 'the run comes to its end', seen }];
    return { ...options, blows: [], violations, feed: [], ms: Date.now() - startedAt };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

async function keepEvidence({ world }: Arena, trial: Trial): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), `relight-chaos-${trial.number}-`));
  await cp(join(world.dir, `diaries-chaos-${trial.number}`), dir, { recursive: true });
  await writeFile(join(dir, 'output.log'), `${world.output.join('\n')}\n`);
  await writeFile(join(dir, 'trial.json'), JSON.stringify(trial, null, 2));
  return dir;
}
