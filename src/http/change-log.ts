import { createMiddleware } from 'hono/factory';
import { logEvent } from '../platform/log.ts';
import type { Bindings } from './guards.ts';

const PATH_MAX_CHARS = 300;

/** Writes one line for each call that may change something: who asked for what, and how it was answered. */
export const logChanges = createMiddleware<Bindings>(async (c, next) => {
  const began = Date.now();
  await next();
  const { method, path } = c.req;
  if (method === 'GET' || method === 'HEAD') return;
  logEvent('operator.changed', {
    operator: c.get('operator').name,
    method,
    path: path.slice(0, PATH_MAX_CHARS),
    status: c.res.status,
    ms: Date.now() - began,
  });
});
