import { problemOf } from '../contract/errors.ts';
import { agents } from './agents.ts';
import { archives } from './archives.ts';
import { bundles } from './bundles.ts';
import { callbacks } from './callbacks.ts';
import { logChanges } from './change-log.ts';
import { dashboard } from './dashboard/dashboard.ts';
import { limitBody, requireContainer, requireJson, requireOperator } from './guards.ts';
import { metrics } from './metrics.ts';
import { createRouter } from './operation.ts';
import { operators } from './operators.ts';
import { headersFor, problemFor, problemResponse } from './problems.ts';
import { recoveries } from './recoveries.ts';
import { repoCaches } from './repo-caches.ts';
import { rigs } from './rigs.ts';
import { towns } from './towns.ts';

/** The whole HTTP surface of the Worker. */
export function createApp() {
  const app = createRouter();
  app.onError((error) => problemResponse(problemFor(error), headersFor(error)));
  app.notFound((c) =>
    problemResponse(problemOf('not_found', `there is nothing at ${c.req.method} ${c.req.path}`)),
  );
  app.get('/healthz', (c) => c.json({ ok: true }));
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: { title: 'Relight', version: '1', description: 'Towns of coding agents whose disk may vanish.' },
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'operator', { type: 'http', scheme: 'bearer' });
  // Before the guards of JSON: it speaks in forms, and has guards of its own.
  app.route('/', dashboard);
  // Nobody's body is looked at before its token.
  app.use('/api/*', requireOperator, logChanges);
  app.use('/callback/*', requireContainer);
  for (const large of [bundles, repoCaches, archives]) app.route('/', large);
  app.use('*', limitBody, requireJson);
  for (const part of [operators, towns, rigs, agents, recoveries]) app.route('/', part);
  for (const part of [callbacks, metrics]) app.route('/', part);
  return app;
}
