import { z } from '@hono/zod-openapi';
import { BootRecord, ContainerAction, Removal, TownSettings, TownView } from '../contract/town.ts';
import { directoryOf, townOf } from '../objects/reach.ts';
import { createRouter, jsonOperation, readOperation, eraseOperation, TownPath } from './operation.ts';

/** Towns and their containers. */
export const towns = createRouter();

towns.openapi(
  readOperation({
    path: '/api/towns',
    summary: 'The names of all towns',
    params: z.object({}),
    answer: z.object({ towns: z.array(z.string()) }),
  }),
  async (c) => c.json({ towns: await directoryOf(c.env).towns() }, 200),
);

towns.openapi(
  jsonOperation({
    method: 'put',
    path: '/api/towns/{town}',
    summary: 'Makes a town or changes its settings',
    params: TownPath,
    body: TownSettings,
    answer: TownView,
    status: 200,
  }),
  async (c) => {
    const town = townOf(c.env, c.req.valid('param').town);
    return c.json(await town.configure(c.req.valid('json'), new URL(c.req.url).origin), 200);
  },
);

towns.openapi(
  readOperation({ path: '/api/towns/{town}', summary: 'One town', params: TownPath, answer: TownView }),
  async (c) => c.json(await townOf(c.env, c.req.valid('param').town).describe(), 200),
);

towns.openapi(
  eraseOperation({
    path: '/api/towns/{town}',
    summary: 'Removes a town and all it holds',
    params: TownPath,
    answer: Removal,
  }),
  async (c) => c.json({ left: await townOf(c.env, c.req.valid('param').town).erase() }, 200),
);

towns.openapi(
  jsonOperation({
    method: 'post',
    path: '/api/towns/{town}/container',
    summary: 'Starts, stops or kills the container',
    params: TownPath,
    body: ContainerAction,
    answer: TownView,
    status: 200,
  }),
  async (c) => {
    const town = townOf(c.env, c.req.valid('param').town);
    await town.act(c.req.valid('json').action);
    return c.json(await town.describe(), 200);
  },
);

towns.openapi(
  readOperation({
    path: '/api/towns/{town}/boots',
    summary: 'The newest 50 boots with their recoveries, newest first',
    params: TownPath,
    answer: z.object({ boots: z.array(BootRecord) }),
  }),
  async (c) => c.json({ boots: await townOf(c.env, c.req.valid('param').town).boots() }, 200),
);

towns.openAPIRegistry.registerPath({
  method: 'get',
  path: '/api/towns/{town}/events',
  summary: 'Server-sent events: everything that changes',
  security: [{ operator: [] }],
  request: { params: TownPath },
  responses: { 200: { description: 'The stream', content: { 'text/event-stream': { schema: z.string() } } } },
});

towns.get('/api/towns/:town/events', (c) =>
  townOf(c.env, TownPath.parse(c.req.param()).town).fetch(c.req.raw),
);
