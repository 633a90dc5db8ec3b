import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../dev/client.ts';
import type { SnapshotStore } from '../../src/contract/snapshot.ts';
import { killContainer, PATIENCE_MS, untilRecovered } from '../e2e/world.ts';
import type { World } from '../e2e/world.ts';
import { checkRecovery, checkWriter } from './check.ts';
import type { Kill, Standing } from './check.ts';
import { arrivalOf, letGo } from './gate.ts';
import { observe } from './observe.ts';
import { between, randomFrom } from '../../dev/random.ts';
import type { Random } from '../../dev/random.ts';
import { killLine, lossLine } from './table.ts';
import type { LossOf, Tally } from './tally.ts';
import { makeWriterTown, worktreeOf } from './town.ts';
import type { WriterTown } from './town.ts';

/** How long writers live, in milliseconds from when all of them write. */
const SHORT_LIFE_MS = { least: 300, most: 4_000 };
/** Every so often long enough for work to grow older than what may be lost. */
const LONG_LIFE_MS = { least: 4_000, most: 9_000 };
const LONG_ONCE_IN = 4;

/** What a run is like; equal seeds make equal choices, though not at equal moments. */
export interface ChaosOptions {
  readonly kills: number;
  readonly agents: number;
  readonly seed: number;
  readonly store: SnapshotStore | null;
  readonly print: (line: string) => void;
}

interface Run extends ChaosOptions {
  readonly town: WriterTown;
  readonly tally: Tally;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** What is known of each writer. */
  readonly standings: Map<string, Standing>;
  /** The gate at which each writer waits or through which it went last. */
  readonly arrivals: Map<string, string>;
}

/** Kills the container under writing agents again and again, and judges each time what came back. */
export async function runSnapshotChaos(
  world: World,
  options: ChaosOptions,
  { tally, signal }: { tally: Tally; signal: AbortSignal },
): Promise<void> {
  const town = await makeWriterTown(world, options);
  const random = randomFrom(options.seed);
  const run: Run = { ...options, town, tally, random, signal, standings: new Map(), arrivals: new Map() };
  const counted = new AbortController();
  const counting = countSnapshots(run, AbortSignal.any([signal, counted.signal]));
  try {
    await untilAllArrived(run);
    await untilRecovered(town.client, 1);
    for (const agent of town.agents) {
      const before = await observe(worktreeOf(town, agent), world.dir);
      run.standings.set(agent, { before, owedCommits: [] });
    }
    for (let life = 1; life <= options.kills; life += 1) await endLife(run, life);
  } finally {
    counted.abort();
    await counting;
  }
}

/** One life of all writers, its end, and what came back. */
async function endLife(run: Run, life: number): Promise<void> {
  const { town, tally, print } = run;
  const { generation } = await town.client.town();
  for (const agent of town.agents)
    letGo(town.journalDir, agent, { arrival: run.arrivals.get(agent) ?? '', life });
  const lifeMs = drawLife(run.random);
  await delay(lifeMs, undefined, { signal: run.signal });
  const kill: Kill = { life, killedAt: Date.now() };
  killContainer(town.world);
  tally.count('kills');
  const noticedMs = (await untilNoticed(town, generation)) - kill.killedAt;
  const recovery = await untilRecovered(town.client, generation + 1);
  await untilAllArrived(run);
  const recoveryMs = (recovery.finishedAt ?? Date.now()) - kill.killedAt;
  tally.addRecovery({ noticedMs, recoveryMs });
  const faultsBefore = tally.faults.length;
  await checkRecovery(town, recovery, tally);
  const lost: LossOf[] = [];
  for (const agent of town.agents) {
    const standing = run.standings.get(agent);
    if (standing === undefined) throw new Error(`${agent} was never looked at`);
    const { standing: next, losses } = await checkWriter(town, agent, { ...standing, kill, tally });
    run.standings.set(agent, next);
    lost.push(...losses.map((loss) => ({ agent, life, ...loss })));
  }
  print(killLine({ life, lifeMs, noticedMs, recoveryMs }, lost));
  for (const loss of lost.filter(({ owed }) => owed)) print(lossLine(loss));
  for (const fault of tally.faults.slice(faultsBefore)) print(`  FAULT  ${fault}`);
}

function drawLife(random: Random): number {
  const { least, most } = between(random, 1, LONG_ONCE_IN) === 1 ? LONG_LIFE_MS : SHORT_LIFE_MS;
  return between(random, least, most);
}

/**
 * Waits until the town knows that the boot of that generation is over, and gives since when, in epoch milliseconds. Where
 * the town would wait before the next start, as for a container that dies again and again, it is told not to.
 */
async function untilNoticed({ client }: WriterTown, generation: number): Promise<number> {
  const { boot, nextStartAt } = await until('the death is noticed', PATIENCE_MS, async () => {
    const view = await client.town();
    return view.generation > generation || view.boot?.endedAt != null ? view : null;
  });
  const noticedAt = boot?.generation === generation ? boot.endedAt : boot?.acceptedAt;
  const isHeldBack = nextStartAt !== null && nextStartAt > Date.now();
  if (isHeldBack) await client.call('POST', '/container', { action: 'start' });
  return noticedAt ?? Date.now();
}

/** Waits until a writer of a new life stands at each gate. */
async function untilAllArrived({ town, arrivals }: Run): Promise<void> {
  for (const agent of town.agents) {
    const arrival = await until(`${agent} is at its gate`, PATIENCE_MS, () => {
      const newest = arrivalOf(town.journalDir, agent);
      return Promise.resolve(newest === arrivals.get(agent) ? null : newest);
    });
    arrivals.set(agent, arrival);
  }
}

async function countSnapshots({ town, tally }: Run, signal: AbortSignal): Promise<void> {
  for await (const { change } of town.client.events(signal)) {
    if (change.kind === 'snapshot') tally.count('snapshots');
  }
}
