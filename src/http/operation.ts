import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { Problem } from '../contract/errors.ts';
import { Id } from '../contract/ids.ts';
import { RecoveryId } from '../contract/recovery.ts';
import type { Bindings } from './guards.ts';

/** The places of a path. */
export const TownPath = z.object({ town: Id });
export const RigPath = z.object({ town: Id, rig: Id });
export const AgentPath = z.object({ town: Id, rig: Id, agent: Id });
export const RecoveryPath = z.object({ town: Id, recoveryId: z.union([z.literal('latest'), RecoveryId]) });

interface Operation<
  Method extends 'get' | 'put' | 'post' | 'delete',
  Path extends string,
  Params extends z.ZodObject,
  Body extends z.ZodType,
  Answer extends z.ZodType,
  Status extends 200 | 201 | 202,
> {
  readonly method: Method;
  readonly path: Path;
  readonly summary: string;
  readonly params: Params;
  readonly body: Body;
  readonly answer: Answer;
  readonly status: Status;
}

/** Any JSON; a name is what lets a recursive schema end in OpenAPI. */
export const Json = z.json().openapi('Json');

const PROBLEM = { 'application/problem+json': { schema: Problem } };

/** An operation that takes and gives JSON. */
export function jsonOperation<
  const Method extends 'get' | 'put' | 'post' | 'delete',
  const Path extends string,
  Params extends z.ZodObject,
  Body extends z.ZodType,
  Answer extends z.ZodType,
  const Status extends 200 | 201 | 202,
>({
  method,
  path,
  summary,
  params,
  body,
  answer,
  status,
}: Operation<Method, Path, Params, Body, Answer, Status>) {
  return createRoute({
    method,
    path,
    summary,
    security: [{ operator: [] }],
    request: { params, body: { required: true, content: { 'application/json': { schema: body } } } },
    responses: {
      [status]: { description: summary, content: { 'application/json': { schema: answer } } },
      default: { description: 'Refused or failed', content: PROBLEM },
    },
  });
}

/** An operation that reads: it takes nothing but its path and gives JSON. */
export function readOperation<
  const Path extends string,
  Params extends z.ZodObject,
  Answer extends z.ZodType,
>(facts: { path: Path; summary: string; params: Params; answer: Answer }) {
  return bareOperation({ method: 'get', ...facts });
}

/** An operation that removes something with all it holds, and gives what could not be removed with it. */
export function eraseOperation<
  const Path extends string,
  Params extends z.ZodObject,
  Answer extends z.ZodType,
>(facts: { path: Path; summary: string; params: Params; answer: Answer }) {
  return bareOperation({ method: 'delete', ...facts });
}

function bareOperation<
  const Method extends 'get' | 'delete',
  const Path extends string,
  Params extends z.ZodObject,
  Answer extends z.ZodType,
>(facts: { method: Method; path: Path; summary: string; params: Params; answer: Answer }) {
  const { method, path, summary, params, answer } = facts;
  return createRoute({
    method,
    path,
    summary,
    security: [{ operator: [] }],
    request: { params },
    responses: {
      200: { description: summary, content: { 'application/json': { schema: answer } } },
      default: { description: 'Refused or failed', content: PROBLEM },
    },
  });
}

/** An operation that removes something; doing it again answers the same, or 404. */
export function removeOperation<const Path extends string, Params extends z.ZodObject>(facts: {
  path: Path;
  summary: string;
  params: Params;
}) {
  const { path, summary, params } = facts;
  return createRoute({
    method: 'delete',
    path,
    summary,
    security: [{ operator: [] }],
    request: { params },
    responses: {
      204: { description: summary },
      default: { description: 'Refused or failed', content: PROBLEM },
    },
  });
}

/** An app whose invalid requests are thrown, so that one place answers all errors. */
export function createRouter(): OpenAPIHono<Bindings> {
  return new OpenAPIHono<Bindings>({
    defaultHook: (result) => {
      if (!result.success) throw result.error;
    },
  });
}
