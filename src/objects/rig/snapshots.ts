import type { Change } from '../../contract/changes.ts';
import { SnapshotGlance } from '../../contract/snapshot.ts';
import type { Snapshot } from '../../contract/snapshot.ts';
import { spaceOf } from '../../contract/snapshot-refs.ts';
import { logTrouble } from '../../platform/log.ts';
import { agentOf } from '../reach.ts';
import type { RigCore } from './core.ts';
import { updateOwn } from './life.ts';
import { setAgent } from './roster.ts';

/** Notes the agent's newest snapshot, which is stored and verified, and gives what is told of it. */
export function noteSnapshot({ db, rig }: RigCore, agent: string, stored: Snapshot): Change {
  const snapshot = SnapshotGlance.parse({ ...stored, verifiedAt: Date.now() });
  setAgent(db, agent, { snapshot, atRisk: null });
  if (stored.store === 'git' && stored.place !== null) updateOwn(db, { refSpace: spaceOf(stored.place) });
  return { kind: 'snapshot', rig, agent, snapshot };
}

/** The agent's bead is over. What is left in the store then costs space but is never put back: it is of another bead. */
export async function forgetSnapshots({ env, town, rig }: RigCore, agent: string): Promise<void> {
  try {
    await agentOf(env, town, rig, agent).forgetSnapshots(null);
  } catch (error) {
    logTrouble('snapshots.not_forgotten', error, { town, rig, agent });
  }
}
