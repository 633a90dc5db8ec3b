import { inArray } from 'drizzle-orm';
import { RelightError } from '../../contract/errors.ts';
import type { Life } from '../../contract/ids.ts';
import type { Database } from '../../tables/open.ts';
import { agents, rig as rigTable } from '../../tables/rig/schema.ts';
import { activeRows } from './roster.ts';

export type RigRow = typeof rigTable.$inferSelect;

const RUNNING = ['starting', 'working', 'stalled'] as const;

/** The rig's own row. Throws RelightError `unknown_rig` where nobody has registered it. */
export function ownRow(db: Database, rig: string): RigRow {
  const row = db.select().from(rigTable).get();
  if (row === undefined) throw new RelightError('unknown_rig', `there is no rig ${rig}`);
  return row;
}

/** Makes the rig's own row unless it is there. */
export function register(db: Database, rig: string): void {
  db.insert(rigTable).values({ rig }).onConflictDoNothing().run();
}

export function updateOwn(db: Database, change: Partial<Omit<RigRow, 'rig'>>): void {
  db.update(rigTable).set(change).run();
}

/** The life that the rig is in; null before its first. */
export function lifeOf({ bootId, generation }: RigRow): Life | null {
  return bootId === null ? null : { bootId, generation };
}

/**
 * Moves the rig into a generation, and in the same transaction every agent that ran in an older one to `pending`. The
 * generation it is in already changes nothing. `isRestoring` says that a recovery is about to ask for its worktrees, so
 * that the rig does not ask by itself. Throws RelightError `stale_generation` for an older one.
 */
export function enterGeneration(
  db: Database,
  rig: string,
  life: Life,
  now: number,
  isRestoring: boolean,
): boolean {
  return db.transaction((tx) => {
    const own = ownRow(tx, rig);
    if (life.generation < own.generation) {
      throw new RelightError(
        'stale_generation',
        `generation ${life.generation} is over, the rig is in ${own.generation}`,
      );
    }
    if (life.generation === own.generation) return false;
    const isActive = isRestoring && activeRows(tx).length > 0;
    tx.update(rigTable)
      .set({
        ...life,
        state: isActive ? 'restoring' : 'dark',
        fault: null,
        restoringSince: isActive ? now : null,
        restoreTries: 0,
        restoreNotBefore: null,
      })
      .run();
    tx.update(agents)
      .set({ status: 'pending', startId: null, startTries: 0, notBefore: null })
      .where(inArray(agents.status, [...RUNNING]))
      .run();
    return true;
  });
}

/** The container of this life is gone: nothing of the rig runs any more. A later generation is left alone. */
export function leaveGeneration(db: Database, rig: string, life: Life): boolean {
  if (ownRow(db, rig).generation > life.generation) return false;
  updateOwn(db, { state: 'dark', bootId: null, restoringSince: null });
  db.update(agents)
    .set({ status: 'pending', startId: null, startTries: 0, notBefore: null })
    .where(inArray(agents.status, [...RUNNING]))
    .run();
  return true;
}

/** Lets a message of the rig's generation or a newer one pass; a newer one is entered. Throws `stale_generation`. */
export function admit(db: Database, rig: string, life: Life, now: number): void {
  enterGeneration(db, rig, life, now, false);
  const { bootId } = ownRow(db, rig);
  if (bootId === null) updateOwn(db, { bootId: life.bootId });
}

/** Lets a rig that was given up be restored once more. */
export function forgive(db: Database, rig: string): void {
  const { state, fault } = ownRow(db, rig);
  if (state === 'failed') updateOwn(db, { state: 'dark', restoreNotBefore: null });
  if (fault !== null) updateOwn(db, { fault: null, restoreNotBefore: null });
}
