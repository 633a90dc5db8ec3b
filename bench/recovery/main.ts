import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { makeSource } from './source.ts';
import type { Source } from './source.ts';
import { floor, naive, restore } from './ways.ts';
import type { Task, Times } from './ways.ts';

const ROUNDS = 5;
const SERVE = fileURLToPath(new URL('serve.ts', import.meta.url));

const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    repo: { type: 'string' },
    rigs: { type: 'string', default: '1' },
    agents: { type: 'string', default: '8' },
    rtt: { type: 'string', default: '30' },
    mbit: { type: 'string', default: '400' },
    history: { type: 'string', default: '0' },
    rounds: { type: 'string', default: String(ROUNDS) },
    json: { type: 'string' },
  },
});

/** What one way took in one round. */
interface Run extends Times {
  readonly bytes: number;
  readonly requests: number;
}

const WAYS = { naive, restore, floor } as const;
type Way = keyof typeof WAYS | 'warm';

const dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'relight-bench-'));
try {
  await main();
} finally {
  await rm(dir, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const [rigs, agents] = [Number(options.rigs), Number(options.agents)];
  const served = join(dir, 'served');
  const source = await makeSource(served, {
    repo: options.repo ?? null,
    historyMb: Number(options.history),
    agents,
  });
  const far = await openFarSide(served);
  try {
    const runs: Record<Way, Run[]> = { naive: [], restore: [], warm: [], floor: [] };
    for (let round = 0; round < Number(options.rounds); round += 1) {
      for (const way of ['naive', 'restore', 'floor'] as const) {
        const folder = join(dir, `${way}${round}`);
        await mkdir(folder);
        const task: Task = { dir: folder, rigs, branches: source.branches, ...far.urls };
        runs[way].push({ ...(await WAYS[way](task)), ...(await far.traffic()) });
        if (way === 'restore') runs.warm.push({ ...(await restore(task)), ...(await far.traffic()) });
        await rm(folder, { recursive: true });
      }
    }
    report(source, runs);
    if (options.json !== undefined) await writeFile(options.json, JSON.stringify({ source, runs }, null, 2));
  } finally {
    await far.close();
  }
}

interface FarSide {
  readonly urls: Pick<Task, 'gitUrl' | 'tarUrl'>;
  /** What went over the links since the last call. */
  traffic(): Promise<{ bytes: number; requests: number }>;
  close(): Promise<void>;
}

async function openFarSide(rootDir: string): Promise<FarSide> {
  const order = { rootDir, rttMs: Number(options.rtt), mbit: Number(options.mbit) };
  const child = execa(process.execPath, [SERVE, JSON.stringify(order)], { stderr: 'inherit', buffer: false });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => JSON.parse(String((await lines.next()).value));
  const { git, tar } = z.object({ git: z.number(), tar: z.number() }).parse(await next());
  return {
    urls: { gitUrl: `http://127.0.0.1:${git}/source.git`, tarUrl: `http://127.0.0.1:${tar}` },
    traffic: async () => {
      child.stdin.write('\n');
      return z.object({ bytes: z.number(), requests: z.number() }).parse(await next());
    },
    close: async () => {
      child.stdin.end();
      await child;
    },
  };
}

function report(source: Source, runs: Record<Way, readonly Run[]>): void {
  const { packMb, files, treeMb } = source;
  console.log(
    `${files} files, ${treeMb.toFixed(0)} MB, pack ${packMb.toFixed(0)} MB; ${options.rigs} rig(s) x ${options.agents} agents; ` +
      `${options.rtt} ms, ${options.mbit} Mbit/s; medians of ${options.rounds} (min–max)`,
  );
  const last = (way: Way): number => median(runs[way].map((run) => run.last));
  for (const way of ['naive', 'restore', 'warm', 'floor'] as const) {
    const of = (pick: (run: Run) => number): string => spread(runs[way].map(pick));
    const peak = runs[way][0]?.peakMb === undefined ? '' : `  peak ${of((run) => run.peakMb ?? 0)} MB`;
    console.log(
      `${way.padEnd(8)} last ${of((run) => run.last / 1000)} s  first ${of((run) => run.first / 1000)} s  ` +
        `${of((run) => run.bytes / 1e6)} MB  ${median(runs[way].map((run) => run.requests))} requests${peak}`,
    );
  }
  console.log(
    `b/a ${(last('restore') / last('naive')).toFixed(2)}  b/d ${(last('restore') / last('floor')).toFixed(2)}`,
  );
  const first = median(runs.restore.map((run) => run.first));
  console.log(
    `first/last ${(first / last('restore')).toFixed(2)}  warm/cold ${(last('warm') / last('restore')).toFixed(2)}`,
  );
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}

function spread(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`;
}
