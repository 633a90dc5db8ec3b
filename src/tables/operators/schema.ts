import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** The operators beside root. Of a token there is its SHA-256 only; when it was last used is kept to the hour. */
export const operators = sqliteTable('operators', {
  name: text().primaryKey(),
  tokenHash: text().notNull().unique(),
  createdAt: integer().notNull(),
  lastUsedAt: integer(),
});
