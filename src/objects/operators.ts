import { DurableObject } from 'cloudflare:workers';
import { asc, eq } from 'drizzle-orm';
import { RelightError } from '../contract/errors.ts';
import type { NewOperator, OperatorView } from '../contract/operator.ts';
import { hashOfToken, newOperatorToken } from '../platform/operator-token.ts';
import { openDatabase } from '../tables/open.ts';
import type { Database } from '../tables/open.ts';
import { operators } from '../tables/operators/schema.ts';

/** When a token was last used is written down so often at most: most requests write nothing. */
const LAST_USED_EXACT_TO_MS = 60 * 60_000;

const VIEW = { name: operators.name, createdAt: operators.createdAt, lastUsedAt: operators.lastUsedAt };

/** The operators beside root: one object, which every use of their tokens asks, so that a revoked one is none at once. */
export class Operators extends DurableObject<Env> {
  readonly #db: Database;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#db = openDatabase(ctx, 'operators');
  }

  /** Makes an operator. Throws RelightError `operator_exists`: a second token never takes the place of a first unseen. */
  async add(name: string): Promise<NewOperator> {
    const token = newOperatorToken();
    const tokenHash = await hashOfToken(token);
    const row = { name, createdAt: Date.now() };
    const made = this.#db
      .insert(operators)
      .values({ ...row, tokenHash })
      .onConflictDoNothing()
      .returning(VIEW)
      .get();
    if (made === undefined) throw new RelightError('operator_exists', `there is an operator ${name} already`);
    return { ...made, token };
  }

  /** All of them, by name. */
  list(): OperatorView[] {
    return this.#db.select(VIEW).from(operators).orderBy(asc(operators.name)).all();
  }

  /** Revokes the token of an operator. Throws RelightError `unknown_operator`. */
  revoke(name: string): void {
    const gone = this.#db.delete(operators).where(eq(operators.name, name)).returning(VIEW).get();
    if (gone === undefined) throw new RelightError('unknown_operator', `there is no operator ${name}`);
  }

  /** Whose token has this hash; null for nobody's. */
  use(tokenHash: string): { name: string } | null {
    const found = this.#db.select(VIEW).from(operators).where(eq(operators.tokenHash, tokenHash)).get();
    if (found === undefined) return null;
    const { name, lastUsedAt } = found;
    const now = Date.now();
    if (lastUsedAt === null || Math.abs(now - lastUsedAt) >= LAST_USED_EXACT_TO_MS)
      this.#db.update(operators).set({ lastUsedAt: now }).where(eq(operators.name, name)).run();
    return { name };
  }

  /** Whether there is an operator of that name who was one at that time, in epoch milliseconds, already. */
  isStill(name: string, since: number): boolean {
    const found = this.#db.select(VIEW).from(operators).where(eq(operators.name, name)).get();
    return found !== undefined && found.createdAt <= since;
  }
}
