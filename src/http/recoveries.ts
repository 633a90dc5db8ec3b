import { z } from '@hono/zod-openapi';
import { Recovery, RecoveryId, ReplayRequest } from '../contract/recovery.ts';
import { townOf } from '../objects/reach.ts';
import { createRouter, jsonOperation, readOperation, RecoveryPath, TownPath } from './operation.ts';

/** The recoveries of a town: looked at, and replayed by hand. */
export const recoveries = createRouter();

recoveries.openapi(
  jsonOperation({
    method: 'post',
    path: '/api/towns/{town}/recoveries',
    summary: 'Replays the recovery of all rigs or some',
    params: TownPath,
    body: ReplayRequest,
    answer: z.object({ recoveryId: RecoveryId }),
    status: 202,
  }),
  async (c) => {
    const { rigs } = c.req.valid('json');
    return c.json(await townOf(c.env, c.req.valid('param').town).replay(rigs), 202);
  },
);

recoveries.openapi(
  readOperation({
    path: '/api/towns/{town}/recoveries',
    summary: 'The newest recoveries, newest first',
    params: TownPath,
    answer: z.object({ recoveries: z.array(Recovery) }),
  }),
  async (c) => c.json({ recoveries: await townOf(c.env, c.req.valid('param').town).recoveries() }, 200),
);

recoveries.openapi(
  readOperation({
    path: '/api/towns/{town}/recoveries/{recoveryId}',
    summary: 'One recovery, or `latest`',
    params: RecoveryPath,
    answer: Recovery,
  }),
  async (c) => {
    const { town, recoveryId } = c.req.valid('param');
    return c.json(await townOf(c.env, town).recovery(recoveryId), 200);
  },
);
