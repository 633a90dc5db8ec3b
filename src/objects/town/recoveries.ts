import { and, desc, eq, lt } from 'drizzle-orm';
import type { Fault } from '../../contract/errors.ts';
import { faultOfReport } from '../../contract/recovery.ts';
import type { Phase, Recovery, RecoveryRig, RecoveryTrigger, RigReport } from '../../contract/recovery.ts';
import { ASK_PHASE } from '../../rules/event-type.ts';
import { recoveryStatus } from '../../rules/outcome.ts';
import { overheadMs } from '../../rules/overhead.ts';
import type { Database } from '../../tables/open.ts';
import { recoveries, recoveryRigs } from '../../tables/town/schema.ts';

/** The record of a recovery without its rigs. */
export type RecoveryRow = typeof recoveries.$inferSelect;

/** What a recovery is opened with. */
export interface Opening {
  readonly recoveryId: string;
  readonly bootId: string;
  readonly generation: number;
  readonly trigger: RecoveryTrigger;
}

/** Opens the recovery, or opens it again: a restarted Workflow instance begins its record anew. */
export function openRecovery(db: Database, opening: Opening, now: number): void {
  const running = { status: 'running', fault: null, finishedAt: null } as const;
  const fresh = { ...opening, ...running, startedAt: now, progressAt: now };
  db.transaction((tx) => {
    tx.delete(recoveryRigs).where(eq(recoveryRigs.recoveryId, opening.recoveryId)).run();
    tx.insert(recoveries)
      .values(fresh)
      .onConflictDoUpdate({ target: recoveries.recoveryId, set: fresh })
      .run();
  });
}

/** Ends every recovery that still runs for an earlier generation. */
export function supersedeBefore(db: Database, generation: number, now: number): RecoveryRow[] {
  return db
    .update(recoveries)
    .set({ status: 'superseded', finishedAt: now })
    .where(and(eq(recoveries.status, 'running'), lt(recoveries.generation, generation)))
    .returning()
    .all();
}

/** Lists the rigs that the recovery will bring back. */
export function expectRigs(db: Database, recoveryId: string, rigs: readonly string[]): void {
  for (const rig of rigs) {
    db.insert(recoveryRigs)
      .values({ recoveryId, rig, status: 'waiting', phases: [], agents: [] })
      .onConflictDoNothing()
      .run();
  }
}

/** Adds a phase to a rig's timeline, and so shows that the recovery goes on. */
export function addPhase(db: Database, recoveryId: string, rig: string, phase: Phase, now: number): void {
  const row = rigRow(db, recoveryId, rig);
  if (row === undefined) return;
  const status = row.status === 'waiting' ? 'restoring' : row.status;
  db.update(recoveryRigs)
    .set({ phases: [...row.phases, phase], status })
    .where(and(eq(recoveryRigs.recoveryId, recoveryId), eq(recoveryRigs.rig, rig)))
    .run();
  progress(db, recoveryId, now);
}

/** The rigs that a recovery still waits for, each with the number of the wait: as many as it was asked for. */
export function waitsOf(db: Database, recoveryId: string): { rig: string; wait: number }[] {
  const rows = db.select().from(recoveryRigs).where(eq(recoveryRigs.recoveryId, recoveryId)).all();
  return rows
    .filter(({ status }) => status !== 'ready')
    .map(({ rig, phases }) => ({ rig, wait: phases.filter(({ name }) => name === ASK_PHASE).length }))
    .filter(({ wait }) => wait > 0);
}

/** Records how the restore of a rig ended. A later report of the same rig takes the place of an earlier one. */
export function saveReport(db: Database, recoveryId: string, report: RigReport, now: number): void {
  const row = rigRow(db, recoveryId, report.rig);
  if (row === undefined) return;
  const { status, agents } = report;
  const fault = faultOfReport(report);
  const own = row.phases.filter(({ work }) => work === 'relight');
  db.update(recoveryRigs)
    .set({ status, fault, agents, phases: [...own, ...report.phases] })
    .where(and(eq(recoveryRigs.recoveryId, recoveryId), eq(recoveryRigs.rig, report.rig)))
    .run();
  progress(db, recoveryId, now);
}

/** Records that a rig could not be brought back; one that is there in part stays so. */
export function failRig(
  db: Database,
  { recoveryId, rig }: { recoveryId: string; rig: string },
  status: 'failed' | 'superseded',
  fault: Fault,
): void {
  const isPartial = status === 'failed' && rigRow(db, recoveryId, rig)?.status === 'partial';
  db.update(recoveryRigs)
    .set({ status: isPartial ? 'partial' : status, fault })
    .where(and(eq(recoveryRigs.recoveryId, recoveryId), eq(recoveryRigs.rig, rig)))
    .run();
}

/** Ends the recovery with the outcome of its rigs; one that was superseded meanwhile stays so. */
export function finishRecovery(db: Database, recoveryId: string, now: number): Recovery | null {
  const found = findRecovery(db, recoveryId);
  if (found === null) return null;
  if (found.status === 'superseded') return found;
  db.update(recoveries)
    .set({ status: recoveryStatus(found.rigs), finishedAt: now })
    .where(eq(recoveries.recoveryId, recoveryId))
    .run();
  return findRecovery(db, recoveryId);
}

/** Ends a recovery whose Workflow instance did not, for the reason given. */
export function abandonRecovery(db: Database, recoveryId: string, fault: Fault, now: number): void {
  db.update(recoveries)
    .set({ status: 'failed', fault, finishedAt: now })
    .where(and(eq(recoveries.recoveryId, recoveryId), eq(recoveries.status, 'running')))
    .run();
}

/** Counts that the recovery's Workflow instance was restarted; that is given time to show. */
export function noteRestart(db: Database, recoveryId: string, restarts: number, now: number): void {
  db.update(recoveries).set({ restarts, progressAt: now }).where(eq(recoveries.recoveryId, recoveryId)).run();
}

/** One recovery with its rigs; null if there is none. */
export function findRecovery(db: Database, recoveryId: string): Recovery | null {
  const row = db.select().from(recoveries).where(eq(recoveries.recoveryId, recoveryId)).get();
  return row === undefined ? null : viewOf(db, row);
}

/** How many recoveries a listing shows. */
const LISTED = 50;

/** The newest recoveries, newest first. */
export function listRecoveries(db: Database, limit: number = LISTED): Recovery[] {
  const rows = db
    .select()
    .from(recoveries)
    .orderBy(desc(recoveries.startedAt), desc(recoveries.generation))
    .limit(limit);
  return rows.all().map((row) => viewOf(db, row));
}

/** The recovery that runs now, the newest if several do. */
export function runningRecovery(db: Database): RecoveryRow | null {
  const running = db.select().from(recoveries).where(eq(recoveries.status, 'running'));
  return running.orderBy(desc(recoveries.startedAt)).limit(1).get() ?? null;
}

/** When the newest recovery of a generation ended; null if none has. */
export function recoveredAt(db: Database, generation: number): number | null {
  const rows = db.select().from(recoveries).where(eq(recoveries.generation, generation));
  return rows.orderBy(desc(recoveries.finishedAt)).limit(1).get()?.finishedAt ?? null;
}

function progress(db: Database, recoveryId: string, now: number): void {
  db.update(recoveries).set({ progressAt: now }).where(eq(recoveries.recoveryId, recoveryId)).run();
}

function rigRow(db: Database, recoveryId: string, rig: string) {
  return db
    .select()
    .from(recoveryRigs)
    .where(and(eq(recoveryRigs.recoveryId, recoveryId), eq(recoveryRigs.rig, rig)))
    .get();
}

function viewOf(db: Database, row: RecoveryRow): Recovery {
  const { progressAt: _, restarts: _restarts, ...facts } = row;
  const rigs: RecoveryRig[] = db
    .select()
    .from(recoveryRigs)
    .where(eq(recoveryRigs.recoveryId, row.recoveryId))
    .all()
    .map(({ recoveryId: __, ...rig }) => rig);
  const phases = rigs.flatMap((rig) => rig.phases);
  const overhead = row.finishedAt === null ? null : overheadMs(row.startedAt, row.finishedAt, phases);
  return { ...facts, overheadMs: overhead, rigs };
}
