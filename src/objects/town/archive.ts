import type { AgentArchive, RigArchive, TownArchive } from '../../contract/archive.ts';
import { RelightError } from '../../contract/errors.ts';
import { requirePublicHost } from '../../platform/git-policy.ts';
import { agentOf, directoryOf, rigOf } from '../reach.ts';
import type { TownCore } from './core.ts';
import * as registry from './registry.ts';

/** The town as an archive; each of its objects is read at a moment of its own. Throws RelightError `unknown_town`. */
export async function exportTown(core: TownCore): Promise<TownArchive> {
  const { db, town } = core;
  const { settings } = registry.townRow(db, town);
  const rigs = await Promise.all(
    registry.rigRows(db).map(async ({ rig, spec }) => ({ rig, spec, agents: await exportRoster(core, rig) })),
  );
  return { format: 'relight-town-1', town, exportedAt: Date.now(), settings, rigs };
}

async function exportRoster({ env, town }: TownCore, rig: string): Promise<AgentArchive[]> {
  const agents = await rigOf(env, town, rig).roster();
  return Promise.all(
    agents.map(async (each) => ({
      ...each,
      checkpoints: await agentOf(env, town, rig, each.agent).archive(),
    })),
  );
}

/**
 * Makes the town of an archive, with its container held down until somebody starts it: the town that was exported may still
 * be at work on the same branches. The town is there once all of it is; what is cut off before is repeated. Throws
 * RelightError `town_exists`, and `git_address` for a rig at no public host.
 */
export async function importTown(
  core: TownCore,
  { settings, rigs }: TownArchive,
  origin: string,
): Promise<void> {
  const { db, env, town } = core;
  if (registry.hasTown(db)) throw new RelightError('town_exists', `${town} is there; remove it first`);
  for (const { spec } of rigs) requirePublicHost(env, spec.gitUrl);
  await Promise.all(rigs.map(async (each) => importRig(core, each)));
  const now = Date.now();
  db.transaction((tx) => {
    if (registry.hasTown(tx)) throw new RelightError('town_exists', `${town} was made meanwhile`);
    for (const { rig, spec } of rigs) registry.putRig(tx, rig, spec, now);
    registry.putTown(tx, town, { settings, origin }, now);
    registry.updateTown(tx, { heldDown: true });
  });
  for (const { rig, agents } of rigs) {
    registry.noteActive(db, rig, agents.filter(({ bead }) => bead !== null).length);
  }
  await directoryOf(env).enrol(town);
}

async function importRig({ env, town }: TownCore, { rig, agents }: RigArchive): Promise<void> {
  await Promise.all(
    agents.map(async ({ agent, checkpoints }) => agentOf(env, town, rig, agent).adopt(checkpoints)),
  );
  await rigOf(env, town, rig).adopt(agents);
}
