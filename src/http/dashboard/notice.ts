import type { Context } from 'hono';
import { deleteCookie, getSignedCookie, setSignedCookie } from 'hono/cookie';
import { z } from 'zod';
import type { Notice } from './layout.tsx';
import { cookieOptions, prefixOf, sessionKey } from './session.ts';
import type { DashboardEnv } from './session.ts';

const COOKIE = 'relight-notice';
const KEPT_SECONDS = 60;
/** A cookie has about 4,000 characters, and its encoding may need three for one. */
const MAX_CHARACTERS = 1_000;

const StoredNotice = z.object({ tone: z.enum(['done', 'refused']), text: z.string() });

/** Leaves a sentence for the page that is shown next: it survives the redirect, and nobody else can write one. */
export async function leaveNotice(c: Context<DashboardEnv>, { tone, text }: Notice): Promise<void> {
  const value = JSON.stringify({ tone, text: text.slice(0, MAX_CHARACTERS) });
  const options = { ...cookieOptions(c), maxAge: KEPT_SECONDS };
  await setSignedCookie(c, COOKIE, value, await sessionKey(c.env), options);
}

/** The sentence that was left, once: a page that merely looks whether anything is new does not take it. */
export async function takeNotice(c: Context<DashboardEnv>): Promise<Notice | null> {
  if ((c.req.header('sec-fetch-dest') ?? 'document') !== 'document') return null;
  const value = await getSignedCookie(c, await sessionKey(c.env), COOKIE, prefixOf(c));
  if (typeof value !== 'string') return null;
  deleteCookie(c, COOKIE, cookieOptions(c));
  return StoredNotice.parse(JSON.parse(value));
}
