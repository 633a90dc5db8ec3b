import { Hono } from 'hono';
import { RelightError } from '../../contract/errors.ts';
import { actionRoutes } from './action-routes.tsx';
import { assets } from './assets.ts';
import { limitForm, problemPage, requireForm, requireOwnOrigin, requireSession } from './guards.tsx';
import { pageHeaders } from './headers.ts';
import { pages } from './pages.tsx';
import type { DashboardEnv } from './session.ts';
import { signIn } from './sign-in.tsx';

/** The pages for people: read without scripts, kept up to date by one. Its paths are `/`, `/sign-…`, `/towns/…`, `/assets/…`. */
export const dashboard = new Hono<DashboardEnv>();

dashboard.onError(problemPage);

const FORMS = ['/sign-in', '/sign-out', '/towns/*'] as const;
for (const path of ['/', '/assets/*', ...FORMS]) dashboard.use(path, pageHeaders);
for (const path of FORMS) dashboard.use(path, limitForm, requireForm, requireOwnOrigin);
for (const path of ['/', '/towns/*']) dashboard.use(path, requireSession);

for (const part of [assets, signIn, pages, actionRoutes]) dashboard.route('/', part);

dashboard.all('/towns/*', (c) => {
  throw new RelightError('not_found', `there is nothing at ${c.req.method} ${c.req.path}`);
});
