import { stubOf } from '../platform/stub.ts';
import type { Stub } from '../platform/stub.ts';
import type { Agent } from './agent.ts';
import type { Rig } from './rig.ts';
import type { TownContainer } from './town-container.ts';
import type { Town } from './town.ts';

/**
 * How the objects reach each other. Every part of a name is an id, which cannot contain a slash, so no two objects share
 * a name: rig and town are part of every key.
 */

/** The name of the one Town object that keeps the list of towns; no town can be called so. */
const DIRECTORY = '~towns';

export function townOf(env: Env, town: string): Stub<Town> {
  return stubOf(env.TOWN, town);
}

export function directoryOf(env: Env): Stub<Town> {
  return stubOf(env.TOWN, DIRECTORY);
}

export function containerOf(env: Env, town: string): Stub<TownContainer> {
  return stubOf(env.TOWN_CONTAINER, town);
}

export function rigOf(env: Env, town: string, rig: string): Stub<Rig> {
  return stubOf(env.RIG, `${town}/${rig}`);
}

export function agentOf(env: Env, town: string, rig: string, agent: string): Stub<Agent> {
  return stubOf(env.AGENT, `${town}/${rig}/${agent}`);
}

/** The parts of an object's own name, as many as its kind has. Throws an Error for an object without a proper name. */
export function partsOfName<Count extends 1 | 2 | 3>(ctx: DurableObjectState, count: Count): Parts[Count] {
  const parts = (ctx.id.name ?? '').split('/');
  if (parts.length !== count)
    throw new Error(`a Durable Object of this kind has no name like "${ctx.id.name}"`);
  return parts as Parts[Count];
}

interface Parts {
  1: [string];
  2: [string, string];
  3: [string, string, string];
}
