import { and, desc, eq, isNull, ne } from 'drizzle-orm';
import type { DiskSpace } from '../../contract/disk.ts';
import { RelightError } from '../../contract/errors.ts';
import type { Life } from '../../contract/ids.ts';
import type { BootView } from '../../contract/town.ts';
import type { Database } from '../../tables/open.ts';
import { boots } from '../../tables/town/schema.ts';

/** The newest boot the Town has accepted; null before the first. */
export function newestBoot(db: Database): BootView | null {
  return db.select().from(boots).orderBy(desc(boots.generation)).limit(1).get() ?? null;
}

/** The life of the newest boot, unless it has ended. */
export function currentLife(db: Database): Life | null {
  const boot = newestBoot(db);
  return boot === null || boot.endedAt !== null ? null : { bootId: boot.bootId, generation: boot.generation };
}

/**
 * Gives the boot its generation, the next one unless it has one, and ends all others. Throws RelightError
 * `stale_generation` if a later boot was accepted already.
 */
export function acceptBoot(db: Database, bootId: string, now: number): { boot: BootView; isNew: boolean } {
  return db.transaction((tx) => {
    const newest = tx.select().from(boots).orderBy(desc(boots.generation)).limit(1).get();
    const known = tx.select().from(boots).where(eq(boots.bootId, bootId)).get();
    if (known !== undefined && known.generation !== newest?.generation) {
      throw new RelightError(
        'stale_generation',
        `boot ${bootId} was generation ${known.generation}; it is over`,
      );
    }
    if (known !== undefined) return { boot: known, isNew: false };
    tx.update(boots)
      .set({ endedAt: now, exit: 'replaced by a later boot' })
      .where(and(isNull(boots.endedAt), ne(boots.bootId, bootId)))
      .run();
    const generation = (newest?.generation ?? 0) + 1;
    return {
      boot: tx.insert(boots).values({ generation, bootId, acceptedAt: now }).returning().get(),
      isNew: true,
    };
  });
}

/**
 * Lets a message of the current life pass. Throws RelightError `stale_generation` for any other: fenced off by a later
 * boot, or of a boot that was never accepted.
 */
export function admitLife(db: Database, life: Life): void {
  const newest = newestBoot(db);
  if (newest === null || newest.bootId !== life.bootId || newest.generation !== life.generation) {
    throw new RelightError(
      'stale_generation',
      `the message is of generation ${life.generation}, the town is at ${newest?.generation ?? 0}`,
    );
  }
}

/** Whether `bootId` was accepted once and has been replaced since. */
export function isFencedOff(db: Database, bootId: string): boolean {
  const known = db.select().from(boots).where(eq(boots.bootId, bootId)).get();
  return known !== undefined && known.generation !== newestBoot(db)?.generation;
}

/** Notes that the boot gave a sign of life, and how its disk is. */
export function seeBoot(db: Database, bootId: string, disk: DiskSpace | null, now: number): void {
  db.update(boots).set({ lastHeartbeatAt: now, disk }).where(eq(boots.bootId, bootId)).run();
}

/** Notes that the newest boot is over; null if it was already. */
export function endNewestBoot(db: Database, exit: string, now: number): BootView | null {
  const newest = newestBoot(db);
  if (newest === null || newest.endedAt !== null) return null;
  return (
    db
      .update(boots)
      .set({ endedAt: now, exit })
      .where(eq(boots.generation, newest.generation))
      .returning()
      .get() ?? null
  );
}
