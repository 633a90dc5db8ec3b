import { execa } from 'execa';

/** Writes the migrations that bring each Durable Object's tables up to its schema file. */
for (const object of ['town', 'rig', 'agent', 'operators']) {
  await execa({
    stdio: 'inherit',
    preferLocal: true,
  })`drizzle-kit generate --dialect sqlite --driver durable-sqlite
    --name tables --schema ./src/tables/${object}/schema.ts --out ./src/tables/${object}/migrations`;
}
