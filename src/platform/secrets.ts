import { RelightError } from '../contract/errors.ts';
import type { ErrorCode } from '../contract/errors.ts';

/**
 * The value of a Worker secret that an operator named. Only names with a fixed beginning get here, so that no other
 * secret of the Worker can be asked for. Throws RelightError with `code` where it is not set.
 */
export function readSecret(
  env: Env,
  name: `GIT_CREDENTIAL_${string}` | `AGENT_SECRET_${string}`,
  code: ErrorCode,
): string {
  const value: unknown = Reflect.get(env, name);
  if (typeof value !== 'string' || value === '') throw new RelightError(code, `there is no secret ${name}`);
  return value;
}
