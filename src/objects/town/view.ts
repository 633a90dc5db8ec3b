import type { RigView } from '../../contract/rig.ts';
import type { TownView } from '../../contract/town.ts';
import { townState } from '../../rules/outcome.ts';
import { rigOf } from '../reach.ts';
import { newestBoot } from './boots.ts';
import type { TownCore } from './core.ts';
import { runningRecovery } from './recoveries.ts';
import { rigRows, townRow } from './registry.ts';
import type { RigRow } from './registry.ts';

/** The town as the operator sees it. Throws RelightError `unknown_town`. */
export function describeTown({ db, town }: TownCore): TownView {
  const row = townRow(db, town);
  const boot = newestBoot(db);
  const alive = boot !== null && boot.endedAt === null;
  const state = townState({
    boot: alive ? 'alive' : row.startingSince === null ? 'none' : 'starting',
    recovering: runningRecovery(db) !== null,
    hasFault: row.fault !== null,
    rigs: rigRows(db).map(({ state }) => state),
  });
  const { fault, nextStartAt, createdAt, settings } = row;
  return { ...settings, town, state, fault, generation: boot?.generation ?? 0, boot, nextStartAt, createdAt };
}

/** A rig as the operator sees it: its registered spec, and how its own object says it stands. */
export async function describeRig(
  { env, town }: TownCore,
  { rig, spec, createdAt }: RigRow,
): Promise<RigView> {
  return { rig, ...spec, ...(await rigOf(env, town, rig).standing()), createdAt };
}
