import { cp, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { available, faultsNamed } from './faults/all.ts';
import type { Fault } from './faults/fault.ts';
import { openArena } from './towns/arena.ts';
import type { Arena } from './towns/arena.ts';
import { untilEnded } from './towns/evidence.ts';
import { resultOf } from './towns/ledger.ts';
import type { SuiteResult } from './towns/ledger.ts';
import { trialLine, violationReport } from './towns/report.ts';
import { runTrial } from './towns/trial.ts';
import type { Trial, TrialOptions } from './towns/trial.ts';

export const HELP = `npm run chaos -- [options]

Lets random faults strike towns of working agents, and checks after each run that every invariant holds.

  --runs N         how many towns (20)
  --seed N         of all random choices; otherwise a new one, which is printed
  --only K         run number K of that seed alone
  --faults A,B     only faults whose names begin so
  --sleep N        watch in each Nth run, for about 45 s, that the town sleeps when and only when it should (10; 0: never)
  --lanes N        so many worlds side by side, each with one town at a time (1)
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
  sleep: z.coerce.number().int().nonnegative().default(10),
  lanes: z.coerce.number().int().min(1).max(16).default(1),
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
      sleep: { type: 'string' },
      lanes: { type: 'string' },
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

interface SuiteRun extends SuiteOptions {
  readonly chosen: readonly Fault[];
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Runs the suite to its end, or until `signal` stops it. */
export async function runSuite(
  options: SuiteOptions,
  { print, signal }: Pick<SuiteRun, 'print' | 'signal'>,
): Promise<SuiteResult> {
  const { seed, runs, only, lanes } = options;
  const chosen = faultsNamed(options.faults);
  const numbers = only === undefined ? Array.from({ length: runs }, (_, at) => at + 1) : [only];
  print(`${numbers.length} runs with ${chosen.length} faults, seed ${seed}`);
  const run = { ...options, chosen, print, signal };
  const trials = await Promise.all(Array.from({ length: lanes }, () => runLane(numbers, run)));
  const names = chosen.map(({ name }) => name);
  return resultOf(
    seed,
    trials.flat().toSorted((a, b) => a.number - b.number),
    names,
  );
}

/** Takes runs from those that are left, in one world after the other. */
async function runLane(left: number[], run: SuiteRun): Promise<Trial[]> {
  const trials: Trial[] = [];
  while (left.length > 0 && !run.signal.aborted) {
    const arena = await openArena();
    try {
      trials.push(...(await runIn(arena, left, run)));
    } finally {
      await arena.close();
    }
  }
  return trials;
}

/** Runs one after the other in one world, up to one that does not come to its end: nobody knows what it left there. */
async function runIn(arena: Arena, left: number[], run: SuiteRun): Promise<Trial[]> {
  const { chosen, seed, sleep, keep, print, signal } = run;
  const { usable, missing } = available(chosen, arena);
  for (const why of missing) print(`not here: ${why}`);
  const trials: Trial[] = [];
  while (trials.length < RUNS_PER_ARENA) {
    const number = left.shift();
    if (number === undefined) break;
    const watchesSleep = sleep > 0 && number % sleep === 1 % sleep;
    const own = { number, seed: seedOf(seed, number), faults: usable, watchesSleep };
    const trial = await boundedTrial(arena, own, signal);
    if (signal.aborted) break;
    trials.push(trial);
    print(trialLine(trial));
    if (trial.violations.length > 0) print(violationReport(trial, seed));
    if (trial.violations.length > 0 && keep) print(`  kept in ${await keepEvidence(arena, trial)}`);
    if (trial.isUnfinished) return trials;
  }
  return judgeLingering(arena, trials, print);
}

/** A superseded recovery may wait a while for a report that never comes, but not for ever. */
async function judgeLingering(
  arena: Arena,
  trials: readonly Trial[],
  print: SuiteRun['print'],
): Promise<Trial[]> {
  const left = await untilEnded(
    arena.world.relight.url,
    trials.flatMap(({ lingering }) => lingering),
  );
  for (const id of left) print(`  VIOLATION  no workflow is left running: ${id} never ended`);
  return trials.map((trial) => {
    const own = trial.lingering.filter((id) => left.includes(id));
    const more = own.map((id) => ({ invariant: 'no workflow is left running', seen: `${id} never ended` }));
    return { ...trial, violations: [...trial.violations, ...more] };
  });
}

/** One run that ends, even if the harness itself breaks: that is a violation too. */
async function boundedTrial(arena: Arena, options: TrialOptions, signal: AbortSignal): Promise<Trial> {
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
    const { number, seed } = options;
    return {
      number,
      seed,
      blows: [],
      violations,
      feed: [],
      lingering: [],
      isUnfinished: true,
      ms: Date.now() - startedAt,
    };
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
