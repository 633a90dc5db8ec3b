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

/** The snapshots made for the bead, newest first, without those that could not be put back. */
export function snapshotsOf(db: Database, bead: string): Snapshot[] {
  const rows = db.select().from(snapshots).where(eq(snapshots.pinned, false));
  const own = rows.orderBy(desc(snapshots.generation), desc(snapshots.seq)).all();
  return own.map(({ snapshot }) => snapshot).filter((snapshot) => snapshot.bead === bead);
}

/** The snapshots of the bead that could not be put back, newest first. */
export function pinnedSnapshots(db: Database, bead: string): Snapshot[] {
  const rows = db.select().from(snapshots).where(eq(snapshots.pinned, true));
  const pinned = rows.orderBy(desc(snapshots.generation), desc(snapshots.seq)).all();
  return pinned.map(({ snapshot }) => snapshot).filter((snapshot) => snapshot.bead === bead);
}

/** Keeps the newest snapshot from before `generation`, which could not be put back, until the bead is done. */
export function pinBefore(db: Database, bead: string, generation: number): void {
  const own = listSnapshots(db).filter((snapshot) => snapshot.bead === bead);
  const refused = own.find((snapshot) => snapshot.generation < generation);
  if (refused === undefined) return;
  db.update(snapshots).set({ pinned: true }).where(isSnapshot(refused)).run();
}

/** One recorded snapshot. Throws RelightError `unknown_snapshot`. */
export function findSnapshot(db: Database, generation: number, seq: number): Snapshot {
  const row = db.select().from(snapshots).where(isSnapshot({ generation, seq })).get();
  if (row === undefined)
    throw new RelightError('unknown_snapshot', `there is no snapshot ${generation}/${seq}`);
  return row.snapshot;
}

/**
 * Records a snapshot that is stored and verified, and gives those that it makes superfluous. The same one again takes
 * its own place, and so does one that the store has where an earlier one was. Throws RelightError `snapshot_stale` where
 * a later one is recorded.
 */
export function recordSnapshot(db: Database, snapshot: Snapshot): Snapshot[] {
  const { generation, seq } = snapshot;
  return db.transaction((tx) => {
    const before = listSnapshots(tx);
    const [newest] = before;
    if (newest !== undefined && compare(newest, snapshot) > 0) {
      throw new RelightError('snapshot_stale', `snapshot ${newest.generation}/${newest.seq} is newer`);
    }
    const pinned = new Set(pinnedSnapshots(tx, snapshot.bead).map(nameOf));
    const isReplaced = (old: Snapshot): boolean =>
      compare(old, snapshot) === 0 || (old.place !== null && old.place === snapshot.place);
    const kept = before.filter((old) => !isReplaced(old) && !pinned.has(nameOf(old)));
    const gone = [...before.filter(isReplaced), ...kept.slice(KEPT_SNAPSHOTS - 1)];
    for (const old of gone) tx.delete(snapshots).where(isSnapshot(old)).run();
    tx.insert(snapshots).values({ generation, seq, snapshot }).run();
    return gone.filter((old) => old.place !== snapshot.place);
  });
}

/** Forgets all snapshots, and gives them so that what is stored can be deleted. */
export function forgetSnapshots(db: Database, keptBead: string | null): Snapshot[] {
  const forgotten = listSnapshots(db).filter(({ bead }) => bead !== keptBead);
  for (const each of forgotten) db.delete(snapshots).where(isSnapshot(each)).run();
  return forgotten;
}

function isSnapshot({ generation, seq }: Pick<Snapshot, 'generation' | 'seq'>) {
  return and(eq(snapshots.generation, generation), eq(snapshots.seq, seq));
}

function nameOf({ generation, seq }: Snapshot): string {
  return `${generation}/${seq}`;
}

/** Positive when `a` is the later one. */
function compare(a: Snapshot, b: Snapshot): number {
  return a.generation - b.generation || a.seq - b.seq;
}
