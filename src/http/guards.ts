import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';
import { problemOf, RelightError } from '../contract/errors.ts';
import type { Operator } from '../contract/operator.ts';
import { readContainerToken } from '../platform/token.ts';
import type { ContainerToken } from '../platform/token.ts';
import { signIn } from './operator.ts';
import { problemResponse } from './problems.ts';
import { callerOf, countCallback, countWrongContainer } from './rate-limits.ts';

/** What the guards leave for the routes behind them. */
export interface Bindings {
  Bindings: Env;
  Variables: { town: string; token: ContainerToken; operator: Operator };
}

const MAX_BODY_BYTES = 1024 * 1024;

/** Refuses a body over 1 MiB with 413. */
export const limitBody: MiddlewareHandler<Bindings> = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: () => problemResponse(problemOf('too_large', `a body has at most ${MAX_BODY_BYTES} bytes`)),
});

/** Refuses a body that is not JSON by its own word with 415. */
export const requireJson = createMiddleware<Bindings>(async (c, next) => {
  const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  const hasBody = c.req.raw.body !== null && c.req.header('content-length') !== '0';
  if (hasBody && type !== 'application/json') {
    throw new RelightError('unsupported_media_type', `the body is ${type ?? 'of no stated type'}`);
  }
  await next();
});

/** Lets only an operator pass, and leaves who it is. */
export const requireOperator = createMiddleware<Bindings>(async (c, next) => {
  const token = bearerToken(c.req.header('authorization'));
  c.set('operator', await signIn(c.env, token, callerOf(c.req.raw)));
  await next();
});

/** Lets only a container pass, and leaves its token and the town that this was signed for. */
export const requireContainer = createMiddleware<Bindings>(async (c, next) => {
  const bearer = bearerToken(c.req.header('authorization'));
  const caller = callerOf(c.req.raw);
  const token = await readContainerToken(bearer, c.env.CONTAINER_TOKEN_KEY).catch(async (error: unknown) => {
    await countWrongContainer(c.env, caller);
    throw error;
  });
  await countCallback(c.env, token, caller);
  c.set('token', token);
  c.set('town', token.town);
  await next();
});

/** The token of an `Authorization: Bearer` header (RFC 6750). Throws RelightError `unauthorized`. */
function bearerToken(header: string | undefined): string {
  const token = /^Bearer +([^\s]+)$/i.exec(header ?? '')?.[1];
  if (token === undefined) throw new RelightError('unauthorized', 'send Authorization: Bearer <token>');
  return token;
}
