import type { FileHandle } from 'node:fs/promises';

/** How a database begins (https://sqlite.org/fileformat.html). */
const MAGIC = Buffer.from('SQLite format 3\0');

/** Whole at once: a copy in steps would begin anew with every write of the agent. */
const ALL_PAGES = 2 ** 30;

/** Whether the file is an SQLite database. */
export async function isDatabase(file: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
  return bytesRead === MAGIC.length && buffer.equals(MAGIC);
}

/**
 * Copies a database that its program may be writing to, as it is after some whole transaction
 * (https://sqlite.org/backup.html). Pages stay where they are. Throws what SQLite says.
 */
export async function copyDatabase(source: string, copy: string): Promise<void> {
  const { backup, DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(source, { readOnly: true, timeout: 1_000 });
  try {
    await backup(database, copy, { rate: ALL_PAGES });
  } finally {
    database.close();
  }
}
