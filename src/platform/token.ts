import { sign, verify } from 'hono/jwt';
import { z } from 'zod';
import { RelightError } from '../contract/errors.ts';
import { Id } from '../contract/ids.ts';

const AUDIENCE = 'relight-container';
const Claims = z.object({ sub: Id, aud: z.literal(AUDIENCE) });

/** A signed token (JWT, RFC 7519, HS256) that lets the container of `town` call back, and no other. */
export function signContainerToken(town: string, key: string): Promise<string> {
  return sign({ sub: town, aud: AUDIENCE }, key, 'HS256');
}

/** The town that a container's token was signed for. Throws RelightError `unauthorized`. */
export async function townOfToken(token: string, key: string): Promise<string> {
  try {
    return Claims.parse(await verify(token, key, 'HS256')).sub;
  } catch (error) {
    throw new RelightError('unauthorized', 'the token was not signed for a container of this Worker', {
      cause: error,
    });
  }
}

/** Whether two secrets are the same, in a time that does not depend on where they differ. */
export async function sameSecret(given: string, expected: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  const [left, right] = await Promise.all([digest(given), digest(expected)]);
  return crypto.subtle.timingSafeEqual(left, right);
}
