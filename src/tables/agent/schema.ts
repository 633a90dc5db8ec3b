import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import type { AgentReport } from '../../contract/recovery.ts';
import type { Snapshot } from '../../contract/snapshot.ts';

/** Checkpoints live here and nowhere else. `data` is the JSON text exactly as the agent gave it. */
export const checkpoints = sqliteTable(
  'checkpoints',
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    bead: text().notNull(),
    at: integer().notNull(),
    generation: integer().notNull(),
    head: text(),
    data: text().notNull(),
  },
  (table) => [index('checkpoints_by_bead').on(table.bead, table.seq)],
);

/** What each restore of the agent's worktree brought back. */
export const recovered = sqliteTable('recovered', {
  id: integer().primaryKey({ autoIncrement: true }),
  recoveryId: text(),
  generation: integer().notNull(),
  bead: text().notNull(),
  at: integer().notNull(),
  report: text({ mode: 'json' }).$type<AgentReport>().notNull(),
});

/**
 * Snapshots that are stored and verified; an entry is written only after that. A pinned one could not be put back: it is
 * kept until its bead is done.
 */
export const snapshots = sqliteTable(
  'snapshots',
  {
    generation: integer().notNull(),
    seq: integer().notNull(),
    snapshot: text({ mode: 'json' }).$type<Snapshot>().notNull(),
    pinned: integer({ mode: 'boolean' }).notNull().default(false),
  },
  (table) => [primaryKey({ columns: [table.generation, table.seq] })],
);
