import { RelightError } from '../contract/errors.ts';
import type { ContainerToken } from '../platform/token.ts';

/** Both periods are those of the bindings in `wrangler.toml`, in seconds. */
const SIGN_IN_PERIOD_S = 60;
const CALLBACK_PERIOD_S = 10;

/** Many more addresses than one isolate hears of within a minute, and little memory. */
const MAX_SHUT_OUT = 10_000;

/** The caller asks too often. */
export class RateLimited extends RelightError {
  readonly retryAfterS: number;

  constructor(reason: string, retryAfterS: number) {
    super('rate_limited', `${reason}; ask again in ${retryAfterS} s`);
    this.retryAfterS = retryAfterS;
  }
}

/** Addresses that are not listened to for a while, in this isolate: until when each, in epoch milliseconds, oldest first. */
const shutOut = new Map<string, number>();

/**
 * Who is counted for a request: its address as Cloudflare's edge says it, for IPv6 the network of 64 bits that one
 * subscriber has. Null where no edge is in front, which is no place for strangers.
 */
export function callerOf(request: Request): string | null {
  const address = request.headers.get('cf-connecting-ip');
  if (address === null || !address.includes(':')) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const rest = tail === undefined ? [] : tail.split(':').filter((group) => group !== '');
  while (tail !== undefined && groups.length + rest.length < 8) groups.push('0');
  return `${[...groups, ...rest].slice(0, 4).join(':')}::/64`;
}

/** Refuses whoever has tried too many wrong tokens, unheard. Throws {@link RateLimited}. */
export function requireWelcome(caller: string | null, now: number): void {
  const until = caller === null ? undefined : shutOut.get(caller);
  if (until !== undefined && until > now) throw tooManyTokens(Math.ceil((until - now) / 1000));
}

/** Counts a wrong operator token, and shuts its caller out after too many. Throws {@link RateLimited} then. */
export async function countWrongToken(env: Env, caller: string | null, now: number): Promise<void> {
  if (caller === null || (await env.SIGN_IN_LIMIT.limit({ key: caller })).success) return;
  shutOut.delete(caller);
  shutOut.set(caller, now + SIGN_IN_PERIOD_S * 1000);
  const [oldest] = shutOut.keys();
  if (shutOut.size > MAX_SHUT_OUT && oldest !== undefined) shutOut.delete(oldest);
  throw tooManyTokens(SIGN_IN_PERIOD_S);
}

/** Counts a container's token that is not valid. None is shut out by it: a valid one has to be heard from everywhere. */
export async function countWrongContainer(env: Env, caller: string | null): Promise<void> {
  if (caller === null || (await env.SIGN_IN_LIMIT.limit({ key: `container ${caller}` })).success) return;
  throw tooManyTokens(SIGN_IN_PERIOD_S);
}

/**
 * Counts a callback. Boots and addresses are counted apart: who has stolen a token and uses it elsewhere takes nothing
 * from the container that it is of. Throws {@link RateLimited}.
 */
export async function countCallback(env: Env, token: ContainerToken, caller: string | null): Promise<void> {
  const key = [token.town, token.boot ?? token.start ?? '', caller ?? ''].join(' ');
  if ((await env.CALLBACK_LIMIT.limit({ key })).success) return;
  throw new RateLimited(`the container of ${token.town} calls too often`, CALLBACK_PERIOD_S);
}

function tooManyTokens(retryAfterS: number): RateLimited {
  return new RateLimited('too many tokens from this address were wrong', retryAfterS);
}
