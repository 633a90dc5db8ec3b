import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { sign, verify } from 'hono/jwt';
import { encodeBase64Url } from 'hono/utils/encode';
import { z } from 'zod';
import type { Operator } from '../../contract/operator.ts';
import { isStillOperator } from '../operator.ts';

/** A session ends when nothing was asked for so long, in seconds … */
const IDLE_SECONDS = 30 * 60;
/** … and in any case so long after the sign-in. */
const LIFETIME_SECONDS = 12 * 60 * 60;
/** A session older than this is renewed by whatever is asked. */
const RENEW_AFTER_SECONDS = 5 * 60;

const COOKIE = 'relight';
const AUDIENCE = 'relight-dashboard';

/** `since` is when the operator signed in; like the others in seconds since 1970. */
const Claims = z.object({
  aud: z.literal(AUDIENCE),
  sub: z.string().min(1),
  since: z.int(),
  iat: z.int(),
  exp: z.int(),
});
type Claims = z.infer<typeof Claims>;

/** What the dashboard's routes know of a request. */
export interface DashboardEnv {
  Bindings: Env;
  Variables: { operator: string };
}

type DashboardContext = Context<DashboardEnv>;

/** Signs the operator in: a signed cookie that no script can read and that no other site can make a browser send. */
export async function openSession(c: DashboardContext, { name }: Operator): Promise<void> {
  await writeCookie(c, name, nowSeconds());
}

/** Who is signed in; null where nobody is, or is no more. Renews a session that has grown old. */
export async function readSession(c: DashboardContext): Promise<Operator | null> {
  const cookie = getCookie(c, COOKIE, prefixOf(c));
  const claims = cookie === undefined ? null : await claimsOf(cookie, await sessionKey(c.env));
  if (claims === null) return null;
  const { sub, since, iat } = claims;
  // Who was made in the second of the sign-in was made before it.
  if (!(await isStillOperator(c.env, sub, since * 1000 + 999))) return null;
  if (nowSeconds() - iat > RENEW_AFTER_SECONDS) await writeCookie(c, sub, since);
  return { name: sub };
}

/** Signs the operator out of this browser. */
export function closeSession(c: DashboardContext): void {
  deleteCookie(c, COOKIE, cookieOptions(c));
}

/** Whether a browser takes a cookie from this address and keeps it to itself: https, or the machine it runs on. */
export function isPrivate(c: DashboardContext): boolean {
  const { protocol, hostname } = new URL(c.req.url);
  return protocol === 'https:' || isLoopback(hostname);
}

/** What short texts on the way to the next page are signed with, as the session is. */
export async function sessionKey({ CONTAINER_TOKEN_KEY, RELIGHT_ADMIN_TOKEN }: Env): Promise<string> {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', bytes(CONTAINER_TOKEN_KEY), hmac, false, ['sign']);
  const mac = await crypto.subtle.sign('HMAC', key, bytes(`${AUDIENCE}\n${RELIGHT_ADMIN_TOKEN}`));
  return encodeBase64Url(mac);
}

/** What every cookie of the dashboard is set with. The prefix `__Host-` keeps sibling hosts from setting it (RFC 6265bis). */
export function cookieOptions(c: DashboardContext) {
  const secure = isSecure(c);
  const always = { path: '/', httpOnly: true, sameSite: 'Strict', secure } as const;
  return secure ? ({ ...always, prefix: 'host' } as const) : always;
}

/** How the names of its cookies begin. */
export function prefixOf(c: DashboardContext): 'host' | undefined {
  return isSecure(c) ? 'host' : undefined;
}

async function writeCookie(c: DashboardContext, name: string, since: number): Promise<void> {
  const iat = nowSeconds();
  const exp = Math.min(iat + IDLE_SECONDS, since + LIFETIME_SECONDS);
  const claims: Claims = { aud: AUDIENCE, sub: name, since, iat, exp };
  const token = await sign(claims, await sessionKey(c.env), 'HS256');
  setCookie(c, COOKIE, token, { ...cookieOptions(c), maxAge: Math.max(0, exp - iat) });
}

/** What the cookie says, if it was signed here and holds still. */
async function claimsOf(cookie: string, key: string): Promise<Claims | null> {
  try {
    return Claims.safeParse(await verify(cookie, key, 'HS256')).data ?? null;
  } catch {
    return null; // Whatever is wrong with it, a new sign-in mends it.
  }
}

/** A cookie without `Secure` is for plain http on one's own machine alone. */
function isSecure(c: DashboardContext): boolean {
  const { protocol, hostname } = new URL(c.req.url);
  return protocol === 'https:' || !isLoopback(hostname);
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '127.0.0.1';
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000);
