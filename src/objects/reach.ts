import { stubOf } from '../platform/stub.ts';
import type { Stub } from '../platform/stub.ts';
import type { Agent } from './agent.ts';
import type { Operators } from './operators.ts';
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

/** The one object that knows the operators beside root. */
export function operatorsOf(env: Env): Stub<Operators> {
  return stubOf(env.OPERATORS, 'all');
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

/** The parts of an object's own name: town, rig, agent, as many as its kind has; the others are empty. */
export function partsOfName(ctx: DurableObjectState): { town: string; rig: string; agent: string } {
  const [town = '', rig = '', agent = ''] = (ctx.id.name ?? '').split('/');
  return { town, rig, agent };
}
