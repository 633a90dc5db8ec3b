import { z } from '@hono/zod-openapi';
import { createMiddleware } from 'hono/factory';
import { RelightError } from '../contract/errors.ts';
import { NewOperator, OperatorName, OperatorSpec, OperatorView, ROOT } from '../contract/operator.ts';
import { operatorsOf } from '../objects/reach.ts';
import type { Bindings } from './guards.ts';
import { createRouter, jsonOperation, readOperation, removeOperation } from './operation.ts';

/** The operators beside root: everybody sees who there is, and only root makes and revokes them. */
export const operators = createRouter();

const ALL = '/api/operators';
const ONE = `${ALL}/{name}` as const;

const requireRoot = createMiddleware<Bindings>(async (c, next) => {
  const { name } = c.get('operator');
  if (c.req.method !== 'GET' && name !== ROOT) {
    throw new RelightError('root_only', `${name} is not root, and makes or revokes no operators`);
  }
  await next();
});

for (const path of [ALL, `${ALL}/:name`]) operators.use(path, requireRoot);

operators.openapi(
  readOperation({
    path: ALL,
    summary: 'All operators beside root',
    params: z.object({}),
    answer: z.object({ operators: z.array(OperatorView) }),
  }),
  async (c) => c.json({ operators: await operatorsOf(c.env).list() }, 200),
);

operators.openapi(
  jsonOperation({
    method: 'post',
    path: ALL,
    summary: 'Makes an operator, and shows its token this once; needs the root token',
    params: z.object({}),
    body: OperatorSpec,
    answer: NewOperator,
    status: 201,
  }),
  async (c) => {
    c.header('cache-control', 'no-store');
    return c.json(await operatorsOf(c.env).add(c.req.valid('json').name), 201);
  },
);

operators.openapi(
  removeOperation({
    path: ONE,
    summary: 'Revokes an operator at once; needs the root token',
    params: z.object({ name: OperatorName }),
  }),
  async (c) => {
    await operatorsOf(c.env).revoke(c.req.valid('param').name);
    return c.body(null, 204);
  },
);
