import { RelightError } from '../../contract/errors.ts';
import { judgeToken, nextStart, noteBoot, noteToken } from '../../rules/container-token.ts';
import type { TokenOrigin } from '../../rules/container-token.ts';
import type { Database } from '../../tables/open.ts';
import { town } from '../../tables/town/schema.ts';
import { updateTown } from './registry.ts';

/**
 * Lets a message of a boot pass, if its token is for it. Throws RelightError `stale_generation` for a token of an earlier
 * start, `unauthorized` for one of something else.
 */
export function admitToken(db: Database, token: TokenOrigin, bootId: string): void {
  const row = db.select().from(town).get();
  // Where there is no town, there is no life either that a message could be of.
  if (row === undefined) return;
  const verdict = judgeToken(token, bootId, row.start);
  if (verdict === 'stale') throw new RelightError('stale_generation', 'the token is of an earlier start');
  if (verdict === 'foreign') throw new RelightError('unauthorized', `the token is not for boot ${bootId}`);
  const start = noteToken(token, row.start);
  if (start !== row.start) updateTown(db, { start });
}

/** Begins a start of the container, whose tokens are the only ones of a start that hold from now on. Gives its name. */
export function beginStart(db: Database): string {
  const start = nextStart(db.select().from(town).get()?.start ?? null, crypto.randomUUID());
  updateTown(db, { start });
  return start.id;
}

/** The Town has accepted a boot: it is what came of the newest start. */
export function noteStarted(db: Database, bootId: string): void {
  updateTown(db, { start: noteBoot(bootId, db.select().from(town).get()?.start ?? null) });
}
