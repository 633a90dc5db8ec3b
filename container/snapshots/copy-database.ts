import { readSync } from 'node:fs';
import { runAs } from '../files/owner.ts';
import type { Owner } from '../files/owner.ts';

/** How a database begins (https://sqlite.org/fileformat.html). */
const MAGIC = Buffer.from('SQLite format 3\0');

/** Whole at once: a copy in steps would begin anew with every write of the agent. */
const ALL_PAGES = 2 ** 30;

/** Whether the open file is an SQLite database. */
export function isDatabase(fd: number): boolean {
  const start = Buffer.alloc(MAGIC.length);
  return readSync(fd, start, 0, MAGIC.length, 0) === MAGIC.length && start.equals(MAGIC);
}

/**
 * Copies a database that its program may be writing to, as it is after some whole transaction
 * (https://sqlite.org/backup.html). Pages stay where they are. Throws what SQLite says. An `owner` does it itself, in a
 * process of its own: SQLite opens files by name, of which the owner may make links to what is somebody else's.
 */
export async function copyDatabase(source: string, copy: string, owner: Owner | null): Promise<void> {
  if (owner === null) await backUp(source, copy, ALL_PAGES);
  else {
    const program = `(${backUp.toString()})(...process.argv.slice(1), ${ALL_PAGES})`;
    await runAs(owner, 'exec "$@"', [process.execPath, '--no-warnings', '--eval', program, source, copy]);
  }
}

/** Complete in itself: its text is a program. */
async function backUp(source: string, copy: string, rate: number): Promise<void> {
  const { backup, DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(source, { readOnly: true, timeout: 1_000 });
  try {
    await backup(database, copy, { rate });
  } finally {
    database.close();
  }
}
