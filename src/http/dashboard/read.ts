import type { AgentView, Checkpoint } from '../../contract/agent.ts';
import { faultOf } from '../../contract/errors.ts';
import type { Fault } from '../../contract/errors.ts';
import type { Recovery } from '../../contract/recovery.ts';
import type { RigView } from '../../contract/rig.ts';
import type { BootRecord, TownView } from '../../contract/town.ts';
import { agentOf, rigOf, townOf } from '../../objects/reach.ts';
import { problemFor } from '../problems.ts';

/** An agent with its newest checkpoint for the bead it has. */
export interface KnownAgent extends AgentView {
  readonly checkpoint: Pick<Checkpoint, 'seq' | 'at' | 'head'> | null;
}

/** A rig with its agents; `unread` says why they could not be asked for. */
export interface KnownRig extends RigView {
  readonly roster: readonly KnownAgent[];
  readonly unread: Fault | null;
}

/** All that a town's page shows, as it is at `now`. */
export interface KnownTown {
  readonly view: TownView;
  readonly boots: readonly BootRecord[];
  readonly latest: Recovery | null;
  readonly rigs: readonly KnownRig[];
  readonly now: number;
}

/** Reads a town. Throws RelightError `unknown_town`. A rig whose roster cannot be read does not hold the page back. */
export async function readTown(env: Env, town: string): Promise<KnownTown> {
  const own = townOf(env, town);
  const [view, boots, rigs] = await Promise.all([own.describe(), own.boots(), own.rigs()]);
  // Not by asking for it: `latest` of a town without any would be an error.
  const hasAny = boots.some(({ recoveries }) => recoveries.length > 0);
  const [latest, ...known] = await Promise.all([
    hasAny ? own.recovery('latest') : null,
    ...rigs.map((rig) => readRig(env, town, rig)),
  ]);
  return { view, boots, latest, rigs: known, now: Date.now() };
}

async function readRig(env: Env, town: string, rig: RigView): Promise<KnownRig> {
  try {
    const agents = await rigOf(env, town, rig.rig).agents();
    const roster = await Promise.all(
      agents.map((agent) => readCheckpoint(env, { town, rig: rig.rig }, agent)),
    );
    return { ...rig, roster, unread: null };
  } catch (error) {
    return { ...rig, roster: [], unread: faultFor(error) };
  }
}

/** Adds the newest checkpoint of the agent's bead. */
export async function readCheckpoint(
  env: Env,
  { town, rig }: { town: string; rig: string },
  agent: AgentView,
): Promise<KnownAgent> {
  const { bead } = agent;
  const checkpoint =
    bead === null ? null : await agentOf(env, town, rig, agent.agent).newestCheckpoint(bead.id);
  return { ...agent, checkpoint };
}

/** Any error as the reason that a page shows in the place of what it could not read. */
export function faultFor(error: unknown): Fault {
  const { code, detail } = problemFor(error);
  return faultOf(code, detail);
}
