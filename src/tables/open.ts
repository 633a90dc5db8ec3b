import { drizzle } from 'drizzle-orm/durable-sqlite';
import type { DrizzleSqliteDODatabase } from 'drizzle-orm/durable-sqlite';
import { migrate } from 'drizzle-orm/durable-sqlite/migrator';
import agentMigrations from './agent/migrations/migrations.js';
import operatorsMigrations from './operators/migrations/migrations.js';
import rigMigrations from './rig/migrations/migrations.js';
import townMigrations from './town/migrations/migrations.js';

const MIGRATIONS = {
  town: townMigrations,
  rig: rigMigrations,
  agent: agentMigrations,
  operators: operatorsMigrations,
};

/** The SQLite database of one Durable Object. Queries are synchronous: `.all()`, `.get()`, `.run()`. */
export type Database = DrizzleSqliteDODatabase;

/** Opens the object's database and brings its tables up to date before the object answers anything. */
export function openDatabase(ctx: DurableObjectState, kind: keyof typeof MIGRATIONS): Database {
  const db = drizzle(ctx.storage);
  void ctx.blockConcurrencyWhile(() => migrate(db, MIGRATIONS[kind]));
  return db;
}

/** Deletes all that the object has stored, alarm included. The object itself stays usable, as if it were new. */
export async function eraseDatabase(
  ctx: DurableObjectState,
  db: Database,
  kind: keyof typeof MIGRATIONS,
): Promise<void> {
  await ctx.storage.deleteAlarm();
  await ctx.storage.deleteAll();
  await migrate(db, MIGRATIONS[kind]);
}
