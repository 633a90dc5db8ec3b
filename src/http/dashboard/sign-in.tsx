import { Hono } from 'hono';
import { signIn as signInWith } from '../operator.ts';
import { headersFor, problemFor } from '../problems.ts';
import { callerOf } from '../rate-limits.ts';
import { closeSession, isPrivate, openSession } from './session.ts';
import type { DashboardEnv } from './session.ts';
import { show } from './show.ts';
import { SignInPage } from './small-pages.tsx';

const NOT_PRIVATE = 'This address is not private: open the dashboard by https.';

/** Signing in with an operator token, and out again. */
export const signIn = new Hono<DashboardEnv>();

signIn.get('/sign-in', (c) => {
  const to = ownPath(c.req.query('to'), c.req.url);
  return show(c, <SignInPage to={to} refusal={isPrivate(c) ? null : NOT_PRIVATE} />);
});

signIn.post('/sign-in', async (c) => {
  const { token, to: asked } = await c.req.parseBody();
  const to = ownPath(asked, c.req.url);
  // A token that went over an open wire is no secret any more, and the session's cookie would not come back.
  if (!isPrivate(c)) return show(c, <SignInPage to={to} refusal={NOT_PRIVATE} />, 403);
  try {
    await openSession(
      c,
      await signInWith(c.env, typeof token === 'string' ? token : '', callerOf(c.req.raw)),
    );
  } catch (error) {
    const { code, detail } = problemFor(error);
    const status = code === 'unauthorized' ? 401 : code === 'rate_limited' ? 429 : null;
    if (status === null) throw error;
    for (const [name, value] of Object.entries(headersFor(error))) c.header(name, value);
    return show(c, <SignInPage to={to} refusal={`Not signed in: ${detail}.`} />, status);
  }
  return c.redirect(to, 303);
});

signIn.post('/sign-out', (c) => {
  closeSession(c);
  return c.redirect('/sign-in', 303);
});

/** A path of this Worker to go on to; anything that leads elsewhere becomes the list of towns. */
function ownPath(asked: unknown, here: string): string {
  if (typeof asked !== 'string' || !URL.canParse(asked, here)) return '/';
  const { origin, pathname, search } = new URL(asked, here);
  const isOwn = asked.startsWith('/') && origin === new URL(here).origin && !pathname.startsWith('//');
  return isOwn ? pathname + search : '/';
}
