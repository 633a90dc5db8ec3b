import { desc, getTableColumns, gte } from 'drizzle-orm';
import type { RecoveryGlance } from '../../contract/recovery.ts';
import type { BootRecord } from '../../contract/town.ts';
import type { Database } from '../../tables/open.ts';
import { boots, recoveries } from '../../tables/town/schema.ts';

/** How many boots a listing shows, and with how many recoveries in all: each may have been replayed often. */
const LISTED_BOOTS = 50;
const LISTED_RECOVERIES = 500;

/** The newest boots with their recoveries, newest first. */
export function listBoots(db: Database): BootRecord[] {
  const newest = db.select().from(boots).orderBy(desc(boots.generation)).limit(LISTED_BOOTS).all();
  const glances = Map.groupBy(
    glanceSince(db, newest.at(-1)?.generation ?? 0),
    ({ generation }) => generation,
  );
  return newest.map((boot) => ({ ...boot, recoveries: glances.get(boot.generation) ?? [] }));
}

function glanceSince(db: Database, generation: number): RecoveryGlance[] {
  const { bootId: _, progressAt: _progress, restarts: _restarts, ...columns } = getTableColumns(recoveries);
  const since = db.select(columns).from(recoveries).where(gte(recoveries.generation, generation));
  return since.orderBy(desc(recoveries.startedAt)).limit(LISTED_RECOVERIES).all();
}
