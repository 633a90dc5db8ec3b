import { RelightError } from '../../contract/errors.ts';
import { sameSecret } from '../../platform/token.ts';

/** Who operates: the name that log lines and the dashboard show. */
export interface Operator {
  readonly name: string;
}

const ROOT = 'root';

/** Whose token it is. Throws RelightError `unauthorized`. */
export async function operatorOf(env: Env, token: string): Promise<Operator> {
  if (await sameSecret(token, env.RELIGHT_ADMIN_TOKEN)) return { name: ROOT };
  throw new RelightError('unauthorized', 'this is not an operator token');
}

/** Whether what the operator began at `since`, in epoch milliseconds, may go on: false once their token is revoked. */
export function isStillOperator(_env: Env, name: string, _since: number): Promise<boolean> {
  // Sessions are signed with the root token's help: another root token ends them without being asked here.
  return Promise.resolve(name === ROOT);
}
