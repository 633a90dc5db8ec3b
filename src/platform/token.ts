import { sign, verify } from 'hono/jwt';
import { z } from 'zod';
import { RelightError } from '../contract/errors.ts';
import { BootId, Id } from '../contract/ids.ts';

const AUDIENCE = 'relight-container';
const Claims = z.object({
  sub: Id,
  aud: z.literal(AUDIENCE),
  start: z.string().optional(),
  boot: BootId.optional(),
  exp: z.number().optional(),
});

/** A boot's token is renewed once less than this is left of it, and is good for twice as long at most. */
const RENEWAL_S = 30 * 60;

/** What a container's token says: whose it is, and where it comes from. */
export interface ContainerToken {
  readonly town: string;
  readonly boot: string | null;
  readonly start: string | null;
  /** In epoch seconds; null for never. */
  readonly expiresAt: number | null;
}

/**
 * A signed token (JWT, RFC 7519, HS256) that a container of `town` is started with, and by which the Worker proves itself
 * to it; the same one whenever it is asked for. `start` is null for a container that the release before has started.
 */
export function signStartToken(town: string, start: string | null, key: string): Promise<string> {
  return sign({ sub: town, aud: AUDIENCE, ...(start === null ? {} : { start }) }, key, 'HS256');
}

/**
 * A token of the same kind that lets one boot call back, for 30 to 60 minutes from `now` (epoch milliseconds): it ends on
 * a full half-hour, so that all that are signed within one are the same.
 */
export function signBootToken(
  { town, bootId }: { town: string; bootId: string },
  key: string,
  now: number,
): Promise<string> {
  const exp = (Math.floor(now / 1000 / RENEWAL_S) + 2) * RENEWAL_S;
  return sign({ sub: town, aud: AUDIENCE, boot: bootId, exp }, key, 'HS256');
}

/** Reads a container's token. Throws RelightError `unauthorized`, also for one that has expired. */
export async function readContainerToken(token: string, key: string): Promise<ContainerToken> {
  try {
    const { sub, start = null, boot = null, exp = null } = Claims.parse(await verify(token, key, 'HS256'));
    return { town: sub, start, boot, expiresAt: exp };
  } catch (error) {
    const reason = 'the token was not signed for a container of this Worker, or has expired';
    throw new RelightError('unauthorized', reason, { cause: error });
  }
}

/** Whether the container needs a new token; `now` is in epoch milliseconds. */
export function isToBeRenewed({ boot, expiresAt }: ContainerToken, now: number): boolean {
  return boot === null || expiresAt === null || expiresAt - now / 1000 <= RENEWAL_S;
}

/** Whether two secrets are the same, in a time that does not depend on where they differ. */
export async function sameSecret(given: string, expected: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  const [left, right] = await Promise.all([digest(given), digest(expected)]);
  return crypto.subtle.timingSafeEqual(left, right);
}
