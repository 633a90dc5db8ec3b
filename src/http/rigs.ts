import { z } from '@hono/zod-openapi';
import { RigSpec, RigView } from '../contract/rig.ts';
import { Removal } from '../contract/town.ts';
import { townOf } from '../objects/reach.ts';
import {
  createRouter,
  jsonOperation,
  readOperation,
  eraseOperation,
  RigPath,
  TownPath,
} from './operation.ts';

/** The rig registry of a town. */
export const rigs = createRouter();

rigs.openapi(
  jsonOperation({
    method: 'put',
    path: '/api/towns/{town}/rigs/{rig}',
    summary: 'Registers a rig or changes it',
    params: RigPath,
    body: RigSpec,
    answer: RigView,
    status: 200,
  }),
  async (c) => {
    const { town, rig } = c.req.valid('param');
    return c.json(await townOf(c.env, town).putRig(rig, c.req.valid('json')), 200);
  },
);

rigs.openapi(
  readOperation({
    path: '/api/towns/{town}/rigs',
    summary: 'All rigs of a town',
    params: TownPath,
    answer: z.object({ rigs: z.array(RigView) }),
  }),
  async (c) => c.json({ rigs: await townOf(c.env, c.req.valid('param').town).rigs() }, 200),
);

rigs.openapi(
  readOperation({
    path: '/api/towns/{town}/rigs/{rig}',
    summary: 'One rig',
    params: RigPath,
    answer: RigView,
  }),
  async (c) => {
    const { town, rig } = c.req.valid('param');
    return c.json(await townOf(c.env, town).rig(rig), 200);
  },
);

rigs.openapi(
  eraseOperation({
    path: '/api/towns/{town}/rigs/{rig}',
    summary: 'Removes a rig and its agents',
    params: RigPath,
    answer: Removal,
  }),
  async (c) => {
    const { town, rig } = c.req.valid('param');
    return c.json({ left: await townOf(c.env, town).removeRig(rig) }, 200);
  },
);
