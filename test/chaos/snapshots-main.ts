import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { SetupError } from '../../dev/relight.ts';
import { SnapshotStore } from '../../src/contract/snapshot.ts';
import { openWorld } from '../e2e/world.ts';
import type { World } from '../e2e/world.ts';
import { runSnapshotChaos } from './run.ts';
import type { ChaosOptions } from './run.ts';
import { resultTable } from './table.ts';
import { Tally } from './tally.ts';

const HELP = `npm run chaos -- snapshots [options]

Kills the container of writing agents at random moments, and checks what comes back.

  --kills N        how often (100)
  --seed N         of all random choices; otherwise a new one, which is printed
  --agents N       how many write side by side (3)
  --store r2|git   where snapshots go; otherwise what the town uses by itself
  --json FILE      write the result, with every single loss, as JSON
  --evidence DIR   keep the journals, and what Worker and container printed`;

const START_LIMIT_MS = 180_000;
const KILL_LIMIT_MS = 60_000;

const Options = z.object({
  kills: z.coerce.number().int().min(1).max(10_000).default(100),
  seed: z.coerce.number().int().nonnegative(),
  agents: z.coerce.number().int().min(1).max(50).default(3),
  store: SnapshotStore.nullable().default(null),
  json: z.string().optional(),
  evidence: z.string().optional(),
});

/** Null where only help is wanted. Throws a ZodError or TypeError for options that are none. */
function readOptions(): z.infer<typeof Options> | null {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      kills: { type: 'string' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      agents: { type: 'string' },
      store: { type: 'string' },
      json: { type: 'string' },
      evidence: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  z.tuple([z.literal('snapshots')], 'name what to try: snapshots').parse(positionals);
  return Options.parse(values);
}

/** Aborts when the run is to end before its time: upon a signal, or when it takes too long. */
function stopSignal(kills: number): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => stop.abort(new SetupError(`ended by ${name}`)));
  }
  const limitMs = START_LIMIT_MS + kills * KILL_LIMIT_MS;
  const late = (): void => stop.abort(new SetupError(`the run took longer than ${limitMs} ms`));
  setTimeout(late, limitMs).unref();
  return stop.signal;
}

function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener('abort', () => reject(signal.reason));
  return promise;
}

async function keepEvidence(world: World, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  await cp(join(world.dir, 'journal'), dir, { recursive: true });
  await writeFile(join(dir, 'output.log'), `${world.output.join('\n')}\n`);
}

async function runIn(
  options: ChaosOptions & { evidence?: string | undefined },
  parts: { tally: Tally; signal: AbortSignal },
): Promise<void> {
  const world = await openWorld();
  try {
    await Promise.race([runSnapshotChaos(world, options, parts), untilAborted(parts.signal)]);
  } finally {
    if (options.evidence !== undefined) await keepEvidence(world, options.evidence);
    await world.close();
  }
}

/** Runs to the end, or until it is stopped, and says what came of it in any case. */
async function main(): Promise<void> {
  const options = readOptions();
  if (options === null) {
    console.log(HELP);
    return;
  }
  const { kills, seed, agents, json } = options;
  console.log(`${kills} kills of ${agents} writers, seed ${seed}`);
  const tally = new Tally();
  const signal = stopSignal(kills);
  try {
    await runIn({ ...options, print: (line) => console.log(line) }, { tally, signal });
  } catch (error) {
    const fault = `the run ended early: ${String(error)}`;
    tally.addFault(fault);
    console.error(error instanceof SetupError ? fault : error);
  }
  const result = tally.result();
  console.log(resultTable(seed, result));
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ seed, ...result }, null, 2)}\n`);
  // What was under way when the run was ended has nothing to wait for any more.
  process.exit(result.ok ? 0 : 1);
}

try {
  await main();
} catch (error) {
  const isPlain = error instanceof z.ZodError || error instanceof TypeError;
  console.error(isPlain ? `${error.message}\n\n${HELP}` : error);
  process.exitCode = 1;
}
