import { logTrouble } from '../../platform/log.ts';
import { rigOf } from '../reach.ts';
import type { TownCore } from './core.ts';
import * as registry from './registry.ts';

/** Ends the removal of a rig that was begun. Throws what its object fails with, and then it goes on when this is repeated. */
export async function finishRemoving({ db, env, town }: TownCore, rig: string): Promise<void> {
  if (!registry.isRemoving(db, rig)) return;
  await rigOf(env, town, rig).erase();
  registry.removeRig(db, rig);
}

/** Goes on with all removals that were cut off. */
export async function resumeRemovals(core: TownCore): Promise<void> {
  for (const { rig } of registry.rigRows(core.db, 'all')) {
    await finishRemoving(core, rig).catch((error: unknown) =>
      logTrouble('rig.not_removed', error, { town: core.town, rig }),
    );
  }
}
