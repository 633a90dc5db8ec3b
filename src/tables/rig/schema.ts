import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import type { AgentExit, AgentRole, AgentStatus, Bead, Finishing } from '../../contract/agent.ts';
import type { Fault } from '../../contract/errors.ts';
import type { SnapshotGlance } from '../../contract/snapshot.ts';
import type { RefSpace } from '../../contract/snapshot-refs.ts';
import type { RigState, StartOrders } from '../../contract/rig.ts';
import type { CacheRecord } from '../../rules/repo-cache.ts';

/**
 * One row: how the rig stands in the current generation, where its remote takes snapshots, until when the town holds
 * starts back, what the Town last said that starts are made with, what is known of its repository cache, and how many files
 * its worktrees had when they were last brought back.
 */
export const rig = sqliteTable('rig', {
  rig: text().primaryKey(),
  bootId: text(),
  generation: integer().notNull().default(0),
  state: text().$type<RigState>().notNull().default('dark'),
  fault: text({ mode: 'json' }).$type<Fault>(),
  restoringSince: integer(),
  restoreTries: integer().notNull().default(0),
  restoreNotBefore: integer(),
  refSpace: text().$type<RefSpace>().notNull().default('private'),
  heldUntil: integer(),
  orders: text({ mode: 'json' }).$type<StartOrders>(),
  repoCache: text({ mode: 'json' }).$type<CacheRecord>(),
  files: integer(),
});

/** The roster. `readyGeneration` is the generation in which the agent's worktree was last brought back. */
export const agents = sqliteTable('agents', {
  agent: text().primaryKey(),
  role: text().$type<AgentRole>().notNull(),
  baseBranch: text(),
  agentCommand: text(),
  status: text().$type<AgentStatus>().notNull().default('idle'),
  bead: text({ mode: 'json' }).$type<Bead>(),
  branch: text(),
  hookedAt: integer(),
  generation: integer().notNull().default(0),
  readyGeneration: integer().notNull().default(0),
  startId: text(),
  attempts: integer().notNull().default(0),
  startTries: integer().notNull().default(0),
  notBefore: integer(),
  startedAt: integer(),
  lastSeenAt: integer(),
  fault: text({ mode: 'json' }).$type<Fault>(),
  snapshot: text({ mode: 'json' }).$type<SnapshotGlance>(),
  atRisk: text({ mode: 'json' }).$type<Fault>(),
  finishing: text({ mode: 'json' }).$type<Finishing>(),
  lastExit: text({ mode: 'json' }).$type<AgentExit>(),
});

/** Beads that are done: a repeated `done` finds its own record here. */
export const finished = sqliteTable(
  'finished',
  {
    agent: text().notNull(),
    bead: text().notNull(),
    branch: text().notNull(),
    head: text(),
    prUrl: text(),
    summary: text(),
    doneAt: integer().notNull(),
    /** Whether all that follows on it was done. */
    settled: integer({ mode: 'boolean' }).notNull().default(true),
  },
  (table) => [primaryKey({ columns: [table.agent, table.bead] })],
);
