import { and, asc, eq, sql } from 'drizzle-orm';
import { RelightError } from '../../contract/errors.ts';
import type { Fault } from '../../contract/errors.ts';
import type { RigSpec, RigState } from '../../contract/rig.ts';
import type { TownSettings } from '../../contract/town.ts';
import { NEVER_STARTED } from '../../rules/container-token.ts';
import type { Database } from '../../tables/open.ts';
import { directory, rigs, town } from '../../tables/town/schema.ts';

export type TownRow = typeof town.$inferSelect;
export type RigRow = typeof rigs.$inferSelect;

/** The town's own row. Throws RelightError `unknown_town` where nobody has made the town. */
export function townRow(db: Database, name: string): TownRow {
  const row = db.select().from(town).get();
  if (row === undefined) throw new RelightError('unknown_town', `there is no town ${name}`);
  return row;
}

/** Makes the town, or gives it new settings; `origin` is where the operator reaches this Worker. */
export function putTown(
  db: Database,
  name: string,
  facts: { readonly settings: TownSettings; readonly origin: string },
  now: number,
): void {
  db.insert(town)
    .values({ town: name, ...facts, start: NEVER_STARTED, createdAt: now })
    .onConflictDoUpdate({ target: town.town, set: facts })
    .run();
}

/** Changes the town's row. */
export function updateTown(db: Database, change: Partial<TownRow>): void {
  db.update(town).set(change).run();
}

/** Counts a refused message. */
export function noteFenced(db: Database): void {
  db.update(town)
    .set({ fenced: sql`${town.fenced} + 1` })
    .run();
}

/** Registers the rig, or gives it a new spec. */
export function putRig(db: Database, rig: string, spec: RigSpec, now: number): void {
  db.insert(rigs)
    .values({ rig, spec, createdAt: now })
    .onConflictDoUpdate({ target: rigs.rig, set: { spec } })
    .run();
}

/** One registered rig. Throws RelightError `unknown_rig`. */
export function rigRow(db: Database, rig: string): RigRow {
  const row = db
    .select()
    .from(rigs)
    .where(and(eq(rigs.rig, rig), eq(rigs.removing, false)))
    .get();
  if (row === undefined) throw new RelightError('unknown_rig', `the town has no rig ${rig}`);
  return row;
}

/** All registered rigs, by name; `all` are also those that are being removed. */
export function rigRows(db: Database, which: 'registered' | 'all' = 'registered'): RigRow[] {
  const wanted = which === 'all' ? undefined : eq(rigs.removing, false);
  return db.select().from(rigs).where(wanted).orderBy(asc(rigs.rig)).all();
}

/** Whether the removal of the rig has begun and not ended. */
export function isRemoving(db: Database, rig: string): boolean {
  return rigRows(db, 'all').some((row) => row.rig === rig && row.removing);
}

/** The rig is gone for everybody from now on; what it knows is still to be deleted. */
export function markRemoving(db: Database, rig: string): void {
  db.update(rigs).set({ removing: true }).where(eq(rigs.rig, rig)).run();
}

export function removeRig(db: Database, rig: string): void {
  db.delete(rigs).where(eq(rigs.rig, rig)).run();
}

/** Adds a town to the list of towns; only the directory object's database has entries. */
export function enrol(db: Database, name: string, now: number): void {
  db.insert(directory).values({ town: name, createdAt: now }).onConflictDoNothing().run();
}

export function strike(db: Database, name: string): void {
  db.delete(directory).where(eq(directory.town, name)).run();
}

/** The names of all towns, in order. */
export function enrolled(db: Database): string[] {
  return db
    .select({ town: directory.town })
    .from(directory)
    .orderBy(asc(directory.town))
    .all()
    .map(({ town }) => town);
}

/** Whether the town was made at all. */
export function hasTown(db: Database): boolean {
  return db.select().from(town).get() !== undefined;
}

/** Keeps what a Rig says of its state. */
export function noteRigState(db: Database, rig: string, state: RigState, fault: Fault | null): void {
  db.update(rigs).set({ state, fault }).where(eq(rigs.rig, rig)).run();
}

/** Keeps how many agents of a rig are hooked. */
export function noteActive(db: Database, rig: string, activeAgents: number): void {
  db.update(rigs).set({ activeAgents }).where(eq(rigs.rig, rig)).run();
}
