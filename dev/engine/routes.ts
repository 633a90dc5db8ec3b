import { constants } from 'node:os';
import { Hono } from 'hono';
import { ZodError } from 'zod';
import type { ContainerSpec, EngineContainer } from './container.ts';
import { DockerError } from './docker-error.ts';
import { CreateBody, inspectView, specOf } from './docker-wire.ts';
import type { Inventory } from './inventory.ts';

/** What the routes need of the engine. */
export interface RouteOptions {
  inventory: Inventory;
  /** Makes the container, sidecar or app, that the image asks for; throws a 404 for an unknown image. */
  make: (spec: ContainerSpec) => EngineContainer;
}

/**
 * The part of the Docker Engine API (v1.4x, with or without the version in the path) that workerd and Miniflare use. Whatever
 * else is asked gets 404 with a `message`.
 */
export function dockerApi({ inventory, make }: RouteOptions): Hono {
  const app = new Hono({
    getPath: (request) => new URL(request.url).pathname.replace(/^\/v1\.\d+(?=\/)/, ''),
  });

  app.get('/_ping', (c) => c.text('OK', 200, { 'Api-Version': '1.43' }));
  app.get('/volumes', (c) => c.json({ Volumes: [], Warnings: [] }));
  // workerd lets its egress listener listen on the gateway's address.
  app.get('/networks/bridge', (c) =>
    c.json({ Name: 'bridge', IPAM: { Config: [{ Subnet: '127.0.0.0/8', Gateway: '127.0.0.1' }] } }),
  );

  // Asked by Miniflare on its way out, to remove what it finds: here containers outlive the Worker, as they do a deploy.
  app.get('/containers/json', (c) => c.json([]));
  app.post('/containers/create', async (c) => {
    const name = c.req.query('name');
    if (!name) throw new DockerError(400, 'this engine wants a name for each container');
    const container = make(specOf(name, CreateBody.parse(await c.req.json())));
    inventory.add(container);
    return c.json({ Id: container.id, Warnings: [] }, 201);
  });
  app.get('/containers/:id/json', (c) => c.json(inspectView(inventory.get(c.req.param('id')))));
  app.post('/containers/:id/start', async (c) => {
    const started = await inventory.get(c.req.param('id')).start();
    return c.body(null, started ? 204 : 304);
  });
  app.post('/containers/:id/kill', (c) => {
    inventory.get(c.req.param('id')).kill(signalOf(c.req.query('signal')));
    return c.body(null, 204);
  });
  app.post('/containers/:id/wait', async (c) => {
    const container = inventory.get(c.req.param('id'));
    if (c.req.query('condition') === 'removed') await inventory.removed(container);
    return c.json({ StatusCode: await container.exit() });
  });
  app.delete('/containers/:id', async (c) => {
    const container = inventory.get(c.req.param('id'));
    const forced = ['1', 'true', 'True'].includes(c.req.query('force') ?? '');
    if (!forced && container.state().status === 'running') {
      throw new DockerError(409, `cannot remove container "/${container.spec.name}": container is running`);
    }
    await inventory.remove(container);
    return c.body(null, 204);
  });

  app.notFound((c) => c.json({ message: 'page not found' }, 404));
  app.onError((error, c) => {
    if (error instanceof DockerError) return c.json({ message: error.message }, error.status);
    const malformed = error instanceof ZodError || error instanceof SyntaxError;
    return c.json({ message: error.message }, malformed ? 400 : 500);
  });
  return app;
}

/** Reads `SIGTERM`, `TERM` or `15`; the default of the Docker API is SIGKILL. */
function signalOf(text = 'SIGKILL'): NodeJS.Signals {
  const wanted = text.toUpperCase();
  const names = Object.keys(constants.signals).filter(isSignal);
  const found = names.find((name) => [name, name.slice(3), String(constants.signals[name])].includes(wanted));
  if (!found) throw new DockerError(400, `Invalid signal: ${text}`);
  return found;
}

function isSignal(name: string): name is NodeJS.Signals {
  return name in constants.signals;
}
