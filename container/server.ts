import { createHash, timingSafeEqual } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { BOOT_HEADER, CONTROL, type ControlHealth, TOKEN_HEADER } from '../src/contract/control.ts';
import { ERROR_CODES, RelightError } from '../src/contract/errors.ts';
import type { Exchange } from '../src/contract/exchange.ts';
import { Id } from '../src/contract/ids.ts';
import { CONTRACT_HEADER, CONTRACT_VERSION, contractIn, isUnderstood } from '../src/contract/version.ts';
import { outputAfter } from './agents/output-part.ts';
import type { Supervisor } from './agents/supervisor.ts';
import type { Room } from './disk/room.ts';
import type { KnownSecrets } from './known-secrets.ts';
import type { Lifecycle } from './lifecycle.ts';
import { parseJson, parseOrRefuse, PROBLEM_TYPE, problemFrom } from './problem.ts';
import type { Restores } from './restores.ts';
import type { Snapshots } from './snapshots/snapshots.ts';
import type { WorkerClient } from './worker-client.ts';

const BODY_MAX_BYTES = 1024 * 1024;

/** What the routes work with. */
export interface ServerParts {
  readonly town: string;
  /** What callers prove themselves with. */
  readonly token: string;
  /** Hears the token that it is to call back with. */
  readonly worker: Pick<WorkerClient, 'renew'>;
  readonly lifecycle: Lifecycle;
  readonly supervisor: Supervisor;
  readonly restores: Restores;
  readonly snapshots: Snapshots;
  readonly secrets: KnownSecrets;
  readonly room: Room;
}

/** The routes that the Worker calls: those of `CONTROL`, and nothing else. */
export function controlRoutes({
  town,
  token,
  worker,
  lifecycle,
  supervisor,
  restores,
  snapshots,
  secrets,
  room,
}: ServerParts): Hono {
  const app = new Hono();
  app.onError((error, c) => problemResponse(c, error));
  app.notFound((c) => problemResponse(c, new RelightError('not_found', `${c.req.method} ${c.req.path}`)));
  app.use(async (c, next) => {
    if (c.req.path !== CONTROL.health.path) proveWorker(c, token);
    await next();
  });
  app.use(async (c, next) => {
    const bootId = c.req.header(BOOT_HEADER);
    if (bootId !== undefined) lifecycle.fenceBoot(bootId);
    // Only after the fence: a token for another boot is of no use to this one.
    if (bootId !== undefined && c.req.path !== CONTROL.health.path) worker.renew(c.req.header(TOKEN_HEADER));
    await next();
  });

  app.get(CONTROL.health.path, async (c) => {
    const { bootId, generation, bootedAt, draining } = lifecycle;
    const agents = supervisor.liveCount;
    const disk = await room.look();
    return c.json({ town, bootId, generation, bootedAt, draining, agents, disk } satisfies ControlHealth);
  });

  app.post(CONTROL.restore.path, async (c) => {
    const rig = idAt(c, 'rig');
    requireContract(c);
    const request = await bodyOf(c, CONTROL.restore);
    lifecycle.fence(request.life);
    lifecycle.refuseWhileDraining();
    const answer = restores.ask(rig, request);
    return c.json(answer, answer.state === 'restoring' ? 202 : 200);
  });

  app.put(CONTROL.start.path, async (c) => {
    const [rig, agent] = [idAt(c, 'rig'), idAt(c, 'agent')];
    requireContract(c);
    const { life, ...order } = await bodyOf(c, CONTROL.start);
    lifecycle.fence(life);
    return c.json({ startId: supervisor.start({ ...order, rig, agent }) });
  });

  app.delete(CONTROL.stop.path, async (c) => {
    const [rig, agent] = [idAt(c, 'rig'), idAt(c, 'agent')];
    const { life } = await bodyOf(c, CONTROL.stop);
    lifecycle.fence(life);
    supervisor.stop(rig, agent);
    return c.body(null, 204);
  });

  app.post(CONTROL.snapshot.path, async (c) => {
    const [rig, agent] = [idAt(c, 'rig'), idAt(c, 'agent')];
    lifecycle.fence((await bodyOf(c, CONTROL.snapshot)).life);
    void snapshots.now(rig, agent);
    return c.body(null, 204);
  });

  app.get(CONTROL.agents.path, (c) => c.json(supervisor.sightings()));

  app.get(CONTROL.log.path, (c) => {
    const agentLog = supervisor.logOf(idAt(c, 'rig'), idAt(c, 'agent'));
    return c.text(secrets.hide(agentLog.text()));
  });

  app.get(CONTROL.logAfter.path, (c) => {
    const after = parseOrRefuse(z.coerce.number().int().nonnegative(), c.req.param('after'));
    const agentLog = supervisor.logOf(idAt(c, 'rig'), idAt(c, 'agent'));
    return c.json(outputAfter(agentLog, after, secrets));
  });

  return app;
}

/** Throws RelightError `unauthorized`: agents reach this port too. */
function proveWorker(c: Context, token: string): void {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const given = c.req.header('authorization') ?? '';
  if (timingSafeEqual(digest(given), digest(`Bearer ${token}`))) return;
  throw new RelightError('unauthorized', 'Only the Worker that started this container may call');
}

/**
 * Takes on no new work from a Worker that may mean something else by it. What runs goes on, and is stopped and kept as ever.
 * Throws RelightError `contract_unsupported`.
 */
function requireContract(c: Context): void {
  const version = contractIn(c.req.header(CONTRACT_HEADER));
  if (isUnderstood(version)) return;
  const reason = `the Worker speaks contract ${version ?? 'of no number'}, this image ${CONTRACT_VERSION}: deploy both from one release`;
  throw new RelightError('contract_unsupported', reason);
}

function idAt(c: Context, place: 'rig' | 'agent'): string {
  return parseOrRefuse(Id, c.req.param(place));
}

async function bodyOf<Body>(c: Context, exchange: Exchange<Body>): Promise<Body> {
  return parseOrRefuse(exchange.body, parseJson(await textOf(c.req.raw)));
}

/**
 * The body; one that is too large is read to its end, so that the caller hears the answer, but not kept. Not by Hono's
 * bodyLimit: what it makes of a body without a stated length is refused by Node's Request.
 */
async function textOf({ body }: Request): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size <= BODY_MAX_BYTES) chunks.push(chunk);
  }
  if (size > BODY_MAX_BYTES) throw tooLarge();
  return Buffer.concat(chunks).toString();
}

function tooLarge(): RelightError {
  return new RelightError('too_large', `The body may have ${String(BODY_MAX_BYTES)} bytes`);
}

function problemResponse(c: Context, error: Error): Response {
  const problem = problemFrom(error);
  return c.json(problem, ERROR_CODES[problem.code].status, { 'content-type': PROBLEM_TYPE });
}
