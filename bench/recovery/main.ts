import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import type { RepoCache } from '../../src/contract/repo-cache.ts';
import { makeCache } from './cache.ts';
import { openFarSide } from './far-side.ts';
import type { FarSide } from './far-side.ts';
import { inFolder, inNew } from '../folder.ts';
import { growthTable, report } from './report.ts';
import type { Growth, Run, Runs, Way } from './report.ts';
import { makeSource } from './source.ts';
import type { Source } from './source.ts';
import { median } from '../statistics.ts';
import { openTown } from './town.ts';
import { floor, naive, restore } from './ways.ts';
import type { Task, Times } from './ways.ts';

const HELP = `npm run bench -- recovery [--repo URL|PATH] [--rigs N] [--agents N] [--rtt MS] [--mbit N]
                           [--commits N] [--rounds N] [--no-growth] [--json FILE]`;

const { values: options } = parseArgs({
  args: process.argv.slice(3),
  allowNegative: true,
  options: {
    repo: { type: 'string' },
    rigs: { type: 'string', default: '1' },
    agents: { type: 'string', default: '8' },
    rtt: { type: 'string', default: '30' },
    mbit: { type: 'string', default: '400' },
    commits: { type: 'string', default: '4000' },
    rounds: { type: 'string', default: '5' },
    growth: { type: 'boolean', default: true },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

/** Rigs and agents in each, by which the growth is measured. */
const SHAPES = [
  ...[1, 2, 4, 8, 16, 32].map((agents) => [1, agents] as const),
  ...[4, 16].map((rigs) => [rigs, 2] as const),
];

if (options.help) console.log(HELP);
else await inFolder(main);

async function main(dir: string): Promise<void> {
  const [rigs, agents, rounds] = [Number(options.rigs), Number(options.agents), Number(options.rounds)];
  const rootDir = join(dir, 'served');
  const source = await makeSource(rootDir, {
    repo: options.repo ?? null,
    commits: Number(options.commits),
    agents,
    branches: options.growth ? Math.max(agents, 32) : agents,
  });
  const far = await openFarSide({ rootDir, rttMs: Number(options.rtt), mbit: Number(options.mbit) });
  try {
    const task = { rigs, branches: source.branches.slice(0, agents), gitUrl: far.gitUrl, tarUrl: far.tarUrl };
    const cache = await makeCache(rootDir, far.gitUrl);
    const runs = await compare(dir, task, { rounds, far, cache });
    const { rtt, mbit } = options;
    console.log(report(source, runs, `${rigs} rig(s) x ${agents} agents; ${rtt} ms, ${mbit} Mbit/s`));
    const growth = options.growth ? await grow(dir, source, far) : [];
    if (options.growth) console.log(`\n${growthTable(growth)}`);
    if (options.json !== undefined) {
      await writeFile(options.json, JSON.stringify({ options, source, runs, growth }, null, 2));
    }
  } finally {
    await far.close();
  }
}

/** All ways in turn, as often as is wanted. */
async function compare(
  dir: string,
  shared: Omit<Task, 'dir'>,
  { rounds, far, cache }: { rounds: number; far: FarSide; cache: RepoCache },
): Promise<Runs> {
  const runs: Record<Way, Run[]> = { naive: [], restore: [], cached: [], warm: [], product: [], floor: [] };
  const town = await openTown({ ...shared, dir: join(dir, 'town') });
  try {
    await far.traffic();
    const take = async (way: Way, times: Promise<Times>): Promise<void> => {
      runs[way].push({ ...(await times), ...(await far.traffic()) });
    };
    for (let round = 0; round < rounds; round += 1) {
      await inNew(join(dir, 'naive'), async (at) => take('naive', naive({ ...shared, dir: at })));
      await inNew(join(dir, 'restore'), async (at) => {
        await take('restore', restore({ ...shared, dir: at }));
        await take('warm', restore({ ...shared, dir: at }));
      });
      await inNew(join(dir, 'cached'), async (at) => take('cached', restore({ ...shared, dir: at }, cache)));
      await take('product', town.light());
      await inNew(join(dir, 'floor'), async (at) => take('floor', floor({ ...shared, dir: at })));
    }
  } finally {
    await town.close();
  }
  return runs;
}

/** Relight's restore of several shapes: medians of three rounds. */
async function grow(dir: string, { branches }: Source, far: FarSide): Promise<Growth[]> {
  const times = new Map<string, number[]>();
  for (let round = 0; round < 3; round += 1) {
    for (const [rigs, agents] of SHAPES) {
      const task = { rigs, branches: branches.slice(0, agents), gitUrl: far.gitUrl, tarUrl: far.tarUrl };
      const { last } = await inNew(join(dir, 'grow'), async (at) => restore({ ...task, dir: at }));
      times.set(`${rigs} ${agents}`, [...(times.get(`${rigs} ${agents}`) ?? []), last]);
    }
  }
  return SHAPES.map(([rigs, agents]) => {
    return { rigs, agents, last: median(times.get(`${rigs} ${agents}`) ?? []) };
  });
}
