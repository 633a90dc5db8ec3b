import { and, desc, eq } from 'drizzle-orm';
import { RelightError } from '../../contract/errors.ts';
import { KEPT_SNAPSHOTS } from '../../contract/snapshot.ts';
import type { Snapshot } from '../../contract/snapshot.ts';
import { snapshots } from '../../tables/agent/schema.ts';
import type { Database } from '../../tables/open.ts';

/** All recorded snapshots, newest first. */
export function listSnapshots(db: Database): Snapshot[] {
  const rows = db.select().from(snapshots).orderBy(desc(snapshots.generation), desc(snapshots.seq)).all();
  return rows.map(({ snapshot }) => snapshot);
}

/** The newest snapshot made for the bead; null if there is none. */
export function newestSnapshot(db: Database, bead: string): Snapshot | null {
  return listSnapshots(db).find((snapshot) => snapshot.bead === bead) ?? null;
}

/** One recorded snapshot. Throws RelightError `unknown_snapshot`. */
export function findSnapshot(db: Database, generation: number, seq: number): Snapshot {
  const where = and(eq(snapshots.generation, generation), eq(snapshots.seq, seq));
  const row = db.select().from(snapshots).where(where).get();
  if (row === undefined)
    throw new RelightError('unknown_snapshot', `there is no snapshot ${generation}/${seq}`);
  return row.snapshot;
}

/**
 * Records a snapshot that is stored and verified, and gives those that it makes superfluous. The same one again takes
 * its own place. Throws RelightError `snapshot_stale` where a later one is recorded.
 */
export function recordSnapshot(db: Database, snapshot: Snapshot): Snapshot[] {
  const { generation, seq } = snapshot;
  return db.transaction((tx) => {
    const before = listSnapshots(tx);
    const [newest] = before;
    if (newest !== undefined && compare(newest, snapshot) > 0) {
      throw new RelightError('snapshot_stale', `snapshot ${newest.generation}/${newest.seq} is newer`);
    }
    const replaced = before.filter((old) => compare(old, snapshot) === 0);
    const superfluous = before.filter((old) => compare(old, snapshot) < 0).slice(KEPT_SNAPSHOTS - 1);
    for (const old of [...replaced, ...superfluous]) remove(tx, old);
    tx.insert(snapshots).values({ generation, seq, snapshot }).run();
    return [...replaced, ...superfluous];
  });
}

/** Forgets all snapshots, and gives them so that what is stored can be deleted. */
export function forgetSnapshots(db: Database): Snapshot[] {
  const all = listSnapshots(db);
  db.delete(snapshots).run();
  return all;
}

function remove(db: Database, { generation, seq }: Snapshot): void {
  db.delete(snapshots)
    .where(and(eq(snapshots.generation, generation), eq(snapshots.seq, seq)))
    .run();
}

/** Positive when `a` is the later one. */
function compare(a: Snapshot, b: Snapshot): number {
  return a.generation - b.generation || a.seq - b.seq;
}
