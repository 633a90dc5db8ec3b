import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import type { Change } from '../../contract/changes.ts';
import type { DiskSpace } from '../../contract/disk.ts';
import type { Fault } from '../../contract/errors.ts';
import type {
  AgentReport,
  Phase,
  RecoveryRig,
  RecoveryStatus,
  RecoveryTrigger,
} from '../../contract/recovery.ts';
import type { RigSpec, RigState } from '../../contract/rig.ts';
import type { TownSettings } from '../../contract/town.ts';
import { CLOSED } from '../../rules/breaker.ts';
import type { Breaker } from '../../rules/breaker.ts';
import type { Start } from '../../rules/container-token.ts';

/**
 * One row: the town itself. `heldDown` is set while the operator wants the container stopped; what the watchdog has
 * counted and begun is here, so that it goes on after a reset of the object. `origin` is where the operator last reached this
 * Worker, `fenced` how many messages of earlier boots were refused, and `start` null until this release, or a later one,
 * starts the container of a town that is older.
 */
export const town = sqliteTable('town', {
  town: text().primaryKey(),
  settings: text({ mode: 'json' }).$type<TownSettings>().notNull(),
  heldDown: integer({ mode: 'boolean' }).notNull().default(false),
  deaths: integer().notNull().default(0),
  startingSince: integer(),
  nextStartAt: integer(),
  launchTries: integer().notNull().default(0),
  nextLaunchAt: integer(),
  failedChecks: integer().notNull().default(0),
  wedgedAt: integer(),
  wedgeRestarts: text({ mode: 'json' }).$type<number[]>().notNull().default([]),
  breaker: text({ mode: 'json' }).$type<Breaker>().notNull().default(CLOSED),
  fault: text({ mode: 'json' }).$type<Fault>(),
  origin: text(),
  fenced: integer().notNull().default(0),
  start: text({ mode: 'json' }).$type<Start>(),
  createdAt: integer().notNull(),
});

/** The rig registry, and how each Rig last said it stands. One that is `removing` is gone for everybody else. */
export const rigs = sqliteTable('rigs', {
  rig: text().primaryKey(),
  spec: text({ mode: 'json' }).$type<RigSpec>().notNull(),
  state: text().$type<RigState>().notNull().default('dark'),
  fault: text({ mode: 'json' }).$type<Fault>(),
  activeAgents: integer().notNull().default(0),
  removing: integer({ mode: 'boolean' }).notNull().default(false),
  createdAt: integer().notNull(),
});

/** The boots that were accepted, one generation each. */
export const boots = sqliteTable('boots', {
  generation: integer().primaryKey(),
  bootId: text().notNull().unique(),
  acceptedAt: integer().notNull(),
  lastHeartbeatAt: integer(),
  endedAt: integer(),
  exit: text(),
  disk: text({ mode: 'json' }).$type<DiskSpace>(),
});

export const recoveries = sqliteTable(
  'recoveries',
  {
    recoveryId: text().primaryKey(),
    bootId: text().notNull(),
    generation: integer().notNull(),
    trigger: text().$type<RecoveryTrigger>().notNull(),
    status: text().$type<RecoveryStatus>().notNull(),
    startedAt: integer().notNull(),
    finishedAt: integer(),
    progressAt: integer().notNull(),
    restarts: integer().notNull().default(0),
    fault: text({ mode: 'json' }).$type<Fault>(),
  },
  (table) => [index('recoveries_by_start').on(table.startedAt)],
);

export const recoveryRigs = sqliteTable(
  'recovery_rigs',
  {
    recoveryId: text().notNull(),
    rig: text().notNull(),
    status: text().$type<RecoveryRig['status']>().notNull(),
    fault: text({ mode: 'json' }).$type<Fault>(),
    phases: text({ mode: 'json' }).$type<Phase[]>().notNull(),
    agents: text({ mode: 'json' }).$type<AgentReport[]>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.recoveryId, table.rig] })],
);

/** The newest changes, for readers of the event stream who come back. */
export const feed = sqliteTable('feed', {
  seq: integer().primaryKey({ autoIncrement: true }),
  at: integer().notNull(),
  change: text({ mode: 'json' }).$type<Change>().notNull(),
});

/** Filled only in the one Town object that keeps the list of towns. */
export const directory = sqliteTable('directory', {
  town: text().primaryKey(),
  createdAt: integer().notNull(),
});
