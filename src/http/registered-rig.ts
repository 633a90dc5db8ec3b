import { codeOf } from '../contract/errors.ts';
import { rigOf, townOf } from '../objects/reach.ts';
import type { Rig } from '../objects/rig.ts';
import type { Stub } from '../platform/stub.ts';

/** The Rig object of a registered rig. Throws RelightError `unknown_town` or `unknown_rig`. */
export async function registeredRig(env: Env, town: string, rig: string): Promise<Stub<Rig>> {
  await townOf(env, town).rigSpec(rig);
  return rigOf(env, town, rig);
}

/** The last output of an agent; without a container its last words. Throws RelightError, as `Rig.log` does. */
export async function lastOutput(rig: Pick<Stub<Rig>, 'log' | 'agent'>, agent: string): Promise<string> {
  try {
    return await rig.log(agent);
  } catch (error) {
    const last = codeOf(error) === 'container_not_running' ? (await rig.agent(agent)).lastExit : null;
    if (last === null) throw error;
    return last.tail;
  }
}
