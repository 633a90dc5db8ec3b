import type { LeftRefs } from '../../contract/town.ts';
import { logTrouble } from '../../platform/log.ts';
import { eraseDatabase } from '../../tables/open.ts';
import { containerOf, directoryOf, rigOf } from '../reach.ts';
import type { TownCore } from './core.ts';
import * as registry from './registry.ts';
import type { RigRow } from './registry.ts';
import { completeSpec } from './view.ts';

/** Ends the removal of a rig that was begun. Throws what its object fails with, and then it goes on when this is repeated. */
export async function finishRemoving(core: TownCore, rig: string): Promise<LeftRefs[]> {
  const row = registry.rigRows(core.db, 'all').find((each) => each.rig === rig);
  if (row?.removing !== true) return [];
  const left = await eraseRig(core, row);
  registry.removeRig(core.db, rig);
  return left;
}

/** Goes on with all removals that were cut off. */
export async function resumeRemovals(core: TownCore): Promise<void> {
  for (const { rig } of registry.rigRows(core.db, 'all')) {
    await finishRemoving(core, rig).catch((error: unknown) =>
      logTrouble('rig.not_removed', error, { town: core.town, rig }),
    );
  }
}

/** Removes the town and all it holds. Throws what an object fails with, and then it goes on when this is repeated. */
export async function eraseTown(core: TownCore, ctx: DurableObjectState): Promise<LeftRefs[]> {
  const { db, env, town } = core;
  registry.townRow(db, town);
  // The watchdog would start it again: its agents have work until their rig is erased.
  registry.updateTown(db, { heldDown: true });
  await containerOf(env, town).endBoot('kill');
  const left: LeftRefs[] = [];
  for (const row of registry.rigRows(db, 'all')) left.push(...(await eraseRig(core, row)));
  // A sling may have lit it meanwhile.
  await containerOf(env, town).endBoot('kill');
  await directoryOf(env).strike(town);
  await eraseDatabase(ctx, db, 'town');
  return left;
}

async function eraseRig(core: TownCore, row: RigRow): Promise<LeftRefs[]> {
  const { env, town } = core;
  const fault = await rigOf(env, town, row.rig).erase(completeSpec(core, row));
  if (fault === null) return [];
  logTrouble('refs.left', new Error(fault.reason), { town, rig: row.rig, code: fault.code });
  return [{ rig: row.rig, fault }];
}
