import { RelightError } from '../contract/errors.ts';
import { ROOT } from '../contract/operator.ts';
import type { Operator } from '../contract/operator.ts';
import { operatorsOf } from '../objects/reach.ts';
import { hashOfToken, isOperatorToken } from '../platform/operator-token.ts';
import { sameSecret } from '../platform/token.ts';

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

/**
 * Whether a session that the operator began at `since`, in epoch milliseconds, still has an operator: it has none once the
 * operator is revoked, even if there is a later one of the same name. Root cannot be revoked: sign its sessions with a key
 * that changes with the root token.
 */
export async function isStillOperator(env: Env, name: string, since: number): Promise<boolean> {
  return name === ROOT || (await operatorsOf(env).isStill(name, since));
}
