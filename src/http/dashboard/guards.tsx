import { bodyLimit } from 'hono/body-limit';
import { csrf } from 'hono/csrf';
import { createMiddleware } from 'hono/factory';
import { HTTPException } from 'hono/http-exception';
import type { Context } from 'hono';
import { ERROR_CODES, problemOf, RelightError } from '../../contract/errors.ts';
import { problemFor } from '../problems.ts';
import { readSession } from './session.ts';
import type { DashboardEnv } from './session.ts';
import { show } from './show.ts';
import { ProblemPage } from './small-pages.tsx';

const MAX_FORM_BYTES = 16 * 1024;

/** Refuses a form over 16 KiB. */
export const limitForm = bodyLimit({
  maxSize: MAX_FORM_BYTES,
  onError: () => {
    throw new RelightError('too_large', `a form has at most ${MAX_FORM_BYTES} bytes`);
  },
});

/** Lets only a form pass: what else another site can send without asking a browser first, `csrf` does not look at. */
export const requireForm = createMiddleware<DashboardEnv>(async (c, next) => {
  const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (c.req.method === 'POST' && type !== 'application/x-www-form-urlencoded') {
    throw new RelightError('invalid_request', `send a form, not ${type ?? 'a body of no stated type'}`);
  }
  await next();
});

/** Refuses a form that another origin sent, or one that does not say where it comes from. */
export const requireOwnOrigin = csrf();

/** Lets only who is signed in pass; others sign in first, and come back to the page they asked for. */
export const requireSession = createMiddleware<DashboardEnv>(async (c, next) => {
  const operator = await readSession(c);
  if (operator !== null) {
    c.set('operator', operator.name);
    await next();
    return;
  }
  const { pathname, search } = new URL(c.req.url);
  if (isLinkFromElsewhere(c)) return show(c, <AgainPage path={pathname + search} />);
  const to = c.req.method === 'GET' ? `?to=${encodeURIComponent(pathname + search)}` : '';
  return c.redirect(`/sign-in${to}`, 303);
});

/** A browser keeps a `Strict` cookie back when a link of another site is followed: asked from here, it sends it. */
function isLinkFromElsewhere(c: Context<DashboardEnv>): boolean {
  return c.req.method === 'GET' && c.req.header('sec-fetch-site') === 'cross-site';
}

function AgainPage({ path }: { path: string }) {
  return (
    <html lang="en">
      <head>
        <meta http-equiv="refresh" content={`0; url=${path}`} />
        <title>Relight</title>
      </head>
    </html>
  );
}

/** Any error as a page. */
export async function problemPage(error: Error, c: Context<DashboardEnv>): Promise<Response> {
  const isForeign = error instanceof HTTPException && error.status === 403;
  const problem = isForeign
    ? problemOf('cross_site', 'Nothing was done. Open the page here and send the form again.')
    : problemFor(error);
  const operator = c.get('operator') ?? null;
  return show(c, <ProblemPage problem={problem} operator={operator} />, ERROR_CODES[problem.code].status);
}
