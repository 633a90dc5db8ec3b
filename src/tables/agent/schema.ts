import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import type { AgentReport } from '../../contract/recovery.ts';

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
