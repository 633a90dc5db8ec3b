import { GitFailure } from '../../container/git/errors.ts';
import { chanceOf } from '../../src/contract/backoff.ts';
import { Limit } from './limit.ts';
import type { StormPolicy } from './policies.ts';
import { VirtualTime } from './virtual-time.ts';

/** What restarts, and what it meets; rates are per second, times in milliseconds. */
export interface Storm {
  readonly towns: number;
  readonly rigs: number;
  readonly seed: number;
  readonly withinMs: number;
  readonly workflowRate: number;
  readonly gitRate: number;
  readonly retryAfterMs: number;
  /** Nobody looks any longer than this. */
  readonly horizonMs: number;
}

/** A roll-out of everything within a minute, at the platform's documented rate and a git host of 1,000 requests a second. */
export const ROLLOUT: Storm = {
  towns: 10_000,
  rigs: 3,
  seed: 1,
  withinMs: 60_000,
  workflowRate: 100,
  gitRate: 1_000,
  retryAfterMs: 5_000,
  horizonMs: 3_600_000,
};

/**
 * What came of it: how many towns were still dark when the horizon was reached, times to recover from each town's own
 * restart, and the last recovery from the beginning, in ms.
 */
export interface StormResult {
  readonly dark: number;
  readonly lastMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly git: ReturnType<Limit['tally']>;
  readonly workflows: ReturnType<Limit['tally']>;
}

/** Requests of the commands of a restore: ls-remote, fetch, and the dry run of a push; each is asked for its login first. */
const COMMANDS = [3, 4, 2];

/** Half of it to half as much again: without such noise those who were refused together would come back together for ever. */
const REQUEST_MS = 40;

/** Between the launch of a recovery and its first call to the container, with the same noise. */
const WORKFLOW_MS = 300;

interface World {
  readonly storm: Storm;
  readonly policy: StormPolicy;
  readonly time: VirtualTime;
  readonly workflows: Limit;
  readonly git: Limit;
}

/** Lets all towns restart and recover under a policy. The same storm gives the same result. */
export async function simulate(storm: Storm, policy: StormPolicy): Promise<StormResult> {
  // Hundreds of thousands of refusals are errors, and nobody looks where they came from.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const [workflows, git] = [new Limit(storm.workflowRate), new Limit(storm.gitRate)];
    const world: World = { storm, policy, time: new VirtualTime(), workflows, git };
    const took: number[] = [];
    const towns = Array.from({ length: storm.towns }, async (_, town) => {
      took.push(await restart(world, dice(`${storm.seed}/${town}`)));
    });
    await world.time.run(Promise.all(towns), storm.horizonMs);
    took.sort((one, other) => one - other);
    const at = (share: number): number => took[Math.ceil(storm.towns * share) - 1] ?? storm.horizonMs;
    return {
      dark: storm.towns - took.length,
      lastMs: world.time.now(),
      p50Ms: at(0.5),
      p95Ms: at(0.95),
      git: git.tally(),
      workflows: workflows.tally(),
    };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** One town: its container starts, its recovery is launched, and all its rigs are brought back. Gives how long it took. */
async function restart(world: World, random: () => number): Promise<number> {
  const { storm, policy, time } = world;
  await time.sleep(random() * storm.withinMs);
  const began = time.now();
  await time.sleep(containerStartMs(random));
  await launch(world, random);
  await time.sleep(WORKFLOW_MS * (0.5 + random()));
  const toHost = policy.gate(time, random);
  await Promise.all(Array.from({ length: storm.rigs }, async () => await bringBack(world, toHost, random)));
  return time.now() - began;
}

/** Mostly one to three seconds, and now and then up to twenty. */
function containerStartMs(random: () => number): number {
  return random() < 0.95 ? 1_000 + 2_000 * random() : 3_000 + 17_000 * random();
}

/** The container's start and the boot's announcement create it; where both are refused, whoever tries again does. */
async function launch(world: World, random: () => number): Promise<void> {
  const { policy, time, workflows } = world;
  // Both are made, and the second finds it there.
  const [byStart, byAnnouncement] = [workflows.ask(time.now()), workflows.ask(time.now())];
  let launched = byStart || byAnnouncement;
  const tryAgain = async (who: number): Promise<void> => {
    for (let tries = 1; !launched; tries += 1) {
      await time.sleep(policy.launchWaits(tries, random)[who] ?? 0);
      launched ||= workflows.ask(time.now());
    }
  };
  await Promise.race(policy.launchWaits(1, random).map(async (_, who) => await tryAgain(who)));
}

/** A rig is restored by its recovery, and where that gives it up by its own alarm, until it is there. */
async function bringBack(
  { storm, policy, time, git }: World,
  toHost: ReturnType<StormPolicy['gate']>,
  random: () => number,
): Promise<void> {
  const command = async (requests: number): Promise<void> => {
    for (let sent = 0; sent < requests; sent += 1) {
      await time.sleep(REQUEST_MS * (0.5 + random()));
      if (git.ask(time.now())) continue;
      const facts = { exitCode: 128, output: '', retryAfter: storm.retryAfterMs };
      throw new GitFailure('git_rate_limited', 'The requested URL returned error: 429', facts);
    }
  };
  for (let failures = 1; ; failures += 1) {
    try {
      for (const requests of COMMANDS) await toHost(async () => await command(requests));
      return;
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      await time.sleep(policy.restMs(failures, random));
    }
  }
}

/** Numbers from 0 to 1 that are the same each time for the same name (xorshift32). */
function dice(name: string): () => number {
  let state = Math.floor(chanceOf(name) * 2 ** 32) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
