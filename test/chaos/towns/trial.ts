import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { findMarked } from '../../../dev/engine/processes.ts';
import type { FeedEntry } from '../../../src/contract/changes.ts';
import { CONTAINER_FAULTS } from '../faults/container.ts';
import type { Deeds, Fault, Scene } from '../faults/fault.ts';
import { between, oneOf, randomFrom } from '../../../dev/random.ts';
import type { Arena } from './arena.ts';
import { gateFile } from './diary.ts';
import { collectEvidence } from './evidence.ts';
import { History } from './history.ts';
import { openTown } from './open-town.ts';
import { Operator } from './operator.ts';
import { isPassing, patiently } from './patience.ts';
import { BOOT_PHASES, describeStrike, planTrial } from './plan.ts';
import type { Strike, TrialPlan } from './plan.ts';
import { watchAsleep, watchAwake } from './sleep.ts';
import { violationsOf } from './violations.ts';
import type { Violation } from './violations.ts';

/** Which run this is; equal seeds make equal choices, though not at equal moments. */
export interface TrialOptions {
  readonly number: number;
  readonly seed: number;
  readonly faults: readonly Fault[];
  /** Whether it is also watched that the town stays awake while its agents work, and sleeps when they are done. */
  readonly watchesSleep: boolean;
}

/** What became of one fault; times are in epoch milliseconds. */
export interface Blow {
  readonly fault: string;
  readonly plan: string;
  /** The rigs that it struck; null for the whole town. */
  readonly rigs: readonly string[] | null;
  readonly endsBoot: boolean;
  readonly at: number;
  /** When it was mended; null where it could not strike, for the reason in `missed`. */
  endedAt: number | null;
  missed: string | null;
  /** From its end until all agents worked again or were done. */
  recoveryMs: number | null;
}

/** One run: a town, what befell it, and what was wrong afterwards. */
export interface Trial extends Pick<TrialOptions, 'number' | 'seed'> {
  readonly blows: readonly Blow[];
  readonly violations: readonly Violation[];
  readonly feed: readonly FeedEntry[];
  /** Workflow instances of superseded recoveries that had not ended yet. */
  readonly lingering: readonly string[];
  /** It took too long or broke, so that what it did may still be going on. */
  readonly isUnfinished: boolean;
  readonly ms: number;
}

const PHASE_LIMIT_MS = 60_000;
const FINISH_LIMIT_MS = 240_000;
const GONE_LIMIT_MS = 15_000;

/** Opens a town, lets faults strike it, mends them, and judges what is there once all agents are done. */
export async function runTrial(arena: Arena, options: TrialOptions): Promise<Trial> {
  const startedAt = Date.now();
  const random = randomFrom(options.seed);
  const plan = planTrial(random, options.faults);
  const name = `chaos-${options.number}`;
  const history = new History(arena.world.town(name));
  const printedBefore = arena.world.output.length;
  const deeds: Deeds = { killedAgents: [], tampered: new Set(), wrongClock: false, staleAnswers: [] };
  const blows: Blow[] = [];
  try {
    const town = await openTown(arena, name, random);
    const scene: Scene = { arena, town, random, deeds };
    const operator = new Operator(town, blows);
    const disks = watchDisks(arena);
    const watching = operator.watch();
    try {
      await strikeAll({ scene, plan, history, blows, operator });
      // Agents that were told to finish for the sake of a fault are on their way to bed.
      const watchesAwake = options.watchesSleep && !existsSync(gateFile(town.diaries));
      if (watchesAwake) await operator.untilCalm(PHASE_LIMIT_MS);
      const awake = watchesAwake ? await watchAwake(town) : null;
      await writeFile(gateFile(town.diaries), '');
      const overdue = await operator.untilDone(FINISH_LIMIT_MS);
      const asleep = options.watchesSleep && overdue.length === 0 ? await watchAsleep(town) : null;
      const found = { history, printedBefore, overdue, blows, sleep: [awake, asleep] };
      const { lingering, ...evidence } = await collectEvidence(scene, found);
      operator.end();
      await watching;
      await patiently(() => town.client.call('DELETE', ''));
      const leftProcesses = await untilGone(arena, disks.seen);
      const violations = violationsOf({ ...evidence, leftProcesses });
      const { number, seed } = options;
      const facts = { number, seed, blows, violations, lingering, isUnfinished: false };
      return { ...facts, feed: history.entries, ms: Date.now() - startedAt };
    } finally {
      operator.end();
      disks.end();
      await watching;
    }
  } finally {
    await history.end();
    arena.past.forget();
  }
}

interface Stage {
  readonly scene: Scene;
  readonly plan: TrialPlan;
  readonly history: History;
  readonly blows: Blow[];
  readonly operator: Operator;
}

/** One fault after the other, each at the beginning of its phase; those of the same time overlap. */
async function strikeAll(stage: Stage): Promise<void> {
  const { plan, history } = stage;
  const under: Promise<void>[] = [];
  let since = 0;
  for (const [at, strike] of plan.strikes.entries()) {
    if (strike.phase !== 'meanwhile') {
      await Promise.all(under);
      since = at === 0 && plan.inFirstBoot ? 0 : await prepare(stage, strike);
    }
    under.push(strikeOnce(stage, strike, since));
  }
  await Promise.all(under);
  if (history.entries.length === 0) throw new Error('nothing was ever heard of the town');
}

/** Brings about the phase, and gives the change after which it begins. */
async function prepare({ scene, history, operator, blows }: Stage, { phase }: Strike): Promise<number> {
  const { client, diaries } = scene.town;
  if (phase === 'working') return history.now;
  await operator.untilCalm(PHASE_LIMIT_MS);
  await history.begins('working', 0, PHASE_LIMIT_MS);
  const since = history.now;
  if (phase === 'done') await writeFile(gateFile(diaries), '');
  else if (phase === 'replaying') await patiently(() => client.call('POST', '/recoveries', {}));
  else if (BOOT_PHASES.has(phase)) {
    const [sigkill] = CONTAINER_FAULTS;
    if (sigkill !== undefined) {
      await blowOf(sigkill, 'opening', { scene, blows, operator }, 0);
    }
  }
  return since;
}

async function strikeOnce(stage: Stage, strike: Strike, since: number): Promise<void> {
  const { fault, phase, delayMs, lastsMs } = strike;
  const hasBegun = phase === 'meanwhile' || (await stage.history.begins(phase, since, PHASE_LIMIT_MS));
  if (!hasBegun) {
    const plan = describeStrike(strike);
    stage.blows.push({
      fault: fault.name,
      plan,
      rigs: null,
      endsBoot: fault.endsBoot,
      at: Date.now(),
      endedAt: null,
      missed: 'the phase did not come',
      recoveryMs: null,
    });
    return;
  }
  await delay(delayMs);
  await blowOf(fault, describeStrike(strike), stage, lastsMs);
}

async function blowOf(
  fault: Fault,
  plan: string,
  { scene, blows, operator }: Pick<Stage, 'scene' | 'blows' | 'operator'>,
  lastsMs: number,
): Promise<void> {
  const { name, endsBoot } = fault;
  const struck = fault.ofRigs === true ? someRigs(scene) : scene.town.rigs;
  const blow: Blow = {
    fault: name,
    plan,
    rigs: struck.length < scene.town.rigs.length ? struck : null,
    endsBoot,
    at: Date.now(),
    endedAt: null,
    missed: null,
    recoveryMs: null,
  };
  blows.push(blow);
  const { generation } = operator.newest;
  try {
    const heal = await fault.strike(scene, struck);
    if (lastsMs > 0) await delay(lastsMs);
    await heal?.();
  } catch (error) {
    if (!isPassing(error) && !isVain(error)) throw error;
    blow.missed = String(error);
    return;
  }
  blow.endedAt = Date.now();
  operator.expect(blow, endsBoot ? generation + 1 : generation);
}

/** All rigs of the town, or one of them. */
function someRigs({ random, town }: Scene): readonly string[] {
  return between(random, 1, 2) === 1 ? town.rigs : [oneOf(random, town.rigs)];
}

/** What was to be broken was not there at that moment. */
function isVain(error: unknown): boolean {
  return (
    error instanceof Error &&
    // A disk goes with its container, at any moment.
    /in vain: (a container runs|the container has its disk)|is not running|No such container|ENOENT.*\/proc\//.test(
      error.message,
    )
  );
}

/** Notes the disk of each container that runs, by which its processes are found later. */
function watchDisks(arena: Arena): { seen: ReadonlySet<string>; end: () => void } {
  const seen = new Set<string>();
  const look = (): void => {
    for (const { dir } of arena.world.relight.engine.containers()) if (dir !== null) seen.add(dir);
  };
  const timer = setInterval(look, 50);
  return { seen, end: () => clearInterval(timer) };
}

/** Waits until nothing of the containers runs, and gives the processes that do not end. */
async function untilGone({ world }: Arena, disks: ReadonlySet<string>): Promise<number[]> {
  const deadline = Date.now() + GONE_LIMIT_MS;
  for (;;) {
    const left = [...disks].flatMap((disk) => findMarked(disk));
    if (left.length === 0 || Date.now() > deadline) {
      for (const { dir } of world.relight.engine.containers())
        if (dir !== null) await rm(dir, { recursive: true, force: true });
      return left;
    }
    await delay(100);
  }
}
