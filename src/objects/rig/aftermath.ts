import { and, eq } from 'drizzle-orm';
import { logTrouble } from '../../platform/log.ts';
import { finished } from '../../tables/rig/schema.ts';
import { agentOf, townOf } from '../reach.ts';
import type { RigCore } from './core.ts';
import { agentRows } from './roster.ts';

/**
 * Does what follows on finished beads, once for each whatever is cut off: their snapshots are deleted, and the town hears of
 * them. True when nothing is left to be done; what failed is logged.
 */
export async function settle({ env, db, town, rig }: RigCore): Promise<boolean> {
  let isSettled = true;
  for (const { agent, bead, prUrl, doneAt } of db
    .select()
    .from(finished)
    .where(eq(finished.settled, false))
    .all()) {
    try {
      const hooked = agentRows(db).find((row) => row.agent === agent)?.bead?.id ?? null;
      await agentOf(env, town, rig, agent).forgetSnapshots(hooked);
      await townOf(env, town).publish({ kind: 'done', rig, agent, bead, prUrl, doneAt });
      const own = and(eq(finished.agent, agent), eq(finished.bead, bead), eq(finished.doneAt, doneAt));
      db.update(finished).set({ settled: true }).where(own).run();
    } catch (error) {
      isSettled = false;
      logTrouble('bead.not_settled', error, { town, rig, agent, bead });
    }
  }
  return isSettled;
}
