import { logTrouble } from '../../platform/log.ts';
import { agentOf } from '../reach.ts';
import type { RigCore } from './core.ts';

/** The agent's bead is over. What is left in the store then costs space but is never put back: it is of another bead. */
export async function forgetSnapshots({ env, town, rig }: RigCore, agent: string): Promise<void> {
  try {
    await agentOf(env, town, rig, agent).forgetSnapshots(null);
  } catch (error) {
    logTrouble('snapshots.not_forgotten', error, { town, rig, agent });
  }
}
