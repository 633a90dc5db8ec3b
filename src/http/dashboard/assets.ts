import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import css from './assets/dashboard.css';
import icon from './assets/icon.svg';
import script from './assets/live.client.js';
import type { DashboardEnv } from './session.ts';

/** A file under a name that has its content's hash: it never changes, so browsers may keep it for ever. */
interface Asset {
  readonly path: string;
  readonly type: string;
  readonly text: string;
}

function assetOf(name: string, type: string, text: string): Asset {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const [stem, ending] = name.split('.');
  return { path: `/assets/${stem}.${hash}.${ending}`, type, text };
}

/** What the pages need besides themselves. */
export const ASSETS = {
  css: assetOf('dashboard.css', 'text/css; charset=utf-8', css),
  icon: assetOf('icon.svg', 'image/svg+xml', icon),
  script: assetOf('live.js', 'text/javascript; charset=utf-8', script),
} as const;

/** Serves the files; they hold nothing that needs a session. */
export const assets = new Hono<DashboardEnv>();

for (const { path, type, text } of Object.values(ASSETS)) {
  assets.get(path, (c) =>
    c.body(text, 200, { 'content-type': type, 'cache-control': 'public, max-age=31536000, immutable' }),
  );
}
