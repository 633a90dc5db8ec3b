import { HTTPException } from 'hono/http-exception';
import { z } from 'zod';
import { codeOf, problemOf, RelightError } from '../contract/errors.ts';
import type { Problem } from '../contract/errors.ts';
import { logTrouble } from '../platform/log.ts';
import { RateLimited } from './rate-limits.ts';

/** The answer for a problem (RFC 9457). */
export function problemResponse(problem: Problem, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json(problem, {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  });
}

/** What the answer says of an error beside the problem: when to ask again (RFC 9110, 10.2.3). */
export function headersFor(error: unknown): Record<string, string> {
  return error instanceof RateLimited ? { 'retry-after': String(error.retryAfterS) } : {};
}

/** Any error as problem details. What Relight did not foresee is logged, and its text stays inside. */
export function problemFor(error: unknown): Problem {
  if (error instanceof z.ZodError) return problemOf('invalid_request', z.prettifyError(error));
  if (error instanceof RelightError) return problemOf(error.code, error.message);
  // Hono's own refusals: of a body that is not JSON, and of none that says it is something else.
  if (error instanceof HTTPException && error.status === 400)
    return problemOf('invalid_request', error.message);
  if (error instanceof HTTPException && error.status === 415)
    return problemOf('unsupported_media_type', error.message);
  const code = codeOf(error);
  if (code !== null && error instanceof Error) return problemOf(code, error.message);
  logTrouble('request.failed', error);
  return problemOf('internal', 'the request failed for a reason that was logged');
}
