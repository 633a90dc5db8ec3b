import { RelightError } from '../contract/errors.ts';
import { ROOT } from '../contract/operator.ts';
import type { Operator } from '../contract/operator.ts';
import { operatorsOf } from '../objects/reach.ts';
import { hashOfToken, isOperatorToken } from '../platform/operator-token.ts';
import { sameSecret } from '../platform/token.ts';
import { countWrongToken, requireWelcome } from './rate-limits.ts';

/**
 * Whose token this is. Only what looks like the token of a named operator costs a look-up, and each use of one does: what
 * was valid a moment ago may be revoked by now. Throws RelightError `unauthorized`.
 */
export async function operatorOf(env: Env, token: string): Promise<Operator> {
  if (await sameSecret(token, env.RELIGHT_ADMIN_TOKEN)) return { name: ROOT };
  const found = isOperatorToken(token) ? await operatorsOf(env).use(await hashOfToken(token)) : null;
  if (found === null) throw new RelightError('unauthorized', 'the token is no operator token');
  return found;
}

/** Hashes of tokens that were valid in this isolate: whoever has one is heard even where others are shut out. */
const proven = new Set<string>();
const MAX_PROVEN = 1_000;

/**
 * Whose token this is, of somebody who may not try many: after too many wrong ones from an address, only tokens that were
 * valid before are looked at from there for a minute. Throws RelightError `unauthorized`, and {@link RateLimited}.
 */
export async function signIn(env: Env, token: string, caller: string | null): Promise<Operator> {
  const hash = await hashOfToken(token);
  if (!proven.has(hash)) requireWelcome(caller, Date.now());
  try {
    const operator = await operatorOf(env, token);
    if (proven.size < MAX_PROVEN) proven.add(hash);
    return operator;
  } catch (error) {
    proven.delete(hash);
    if (error instanceof RelightError && error.code === 'unauthorized')
      await countWrongToken(env, caller, Date.now());
    throw error;
  }
}

/**
 * Whether a session that the operator began at `since`, in epoch milliseconds, still has an operator: it has none once the
 * operator is revoked, even if there is a later one of the same name. Root cannot be revoked: sign its sessions with a key
 * that changes with the root token.
 */
export async function isStillOperator(env: Env, name: string, since: number): Promise<boolean> {
  return name === ROOT || (await operatorsOf(env).isStill(name, since));
}
