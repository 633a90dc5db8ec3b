import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { CHECKPOINT_MAX_BYTES } from '../../src/contract/agent.ts';
import { CALLBACKS } from '../../src/contract/callbacks.ts';
import { RelightError } from '../../src/contract/errors.ts';
import { log } from '../log.ts';
import { parseJson, parseOrRefuse } from '../problem.ts';
import { DoneRequest, finish } from './finish.ts';
import { jsonAnswer, type ToolAnswer, type ToolRoutes } from './sockets.ts';
import { callerOf } from './tool-user.ts';
import type { ToolParts, ToolUser } from './tool-user.ts';

/** How long a commit waits at most until it is stored. */
const SNAPSHOT_WAIT_MS = 5_000;

/** The tools that one start of one agent finds on its socket. */
export function agentTools(parts: ToolParts, user: ToolUser): ToolRoutes {
  return {
    '/prime': async () => jsonAnswer(await parts.worker.call(CALLBACKS.prime, callerOf(parts, user))),
    '/checkpoint': async (body) => await checkpoint(parts, user, body),
    '/done': async (body) => await done(parts, user, body),
    '/snapshot': async () => await snapshot(parts, user),
    '/status': async () => await status(parts, user),
    ...parts.credentials.routes(user.rig),
  };
}

async function checkpoint(parts: ToolParts, user: ToolUser, body: string): Promise<ToolAnswer> {
  const data = checkpointData(body);
  const head = await parts.worktrees.headOf(user.rig, user.agent);
  const message = { ...callerOf(parts, user), bead: user.bead, head, data };
  const receipt = await parts.worker.call(CALLBACKS.checkpoint, message);
  void parts.snapshots.now(user.rig, user.agent);
  log.info('agent.checkpoint', { rig: user.rig, agent: user.agent, bead: user.bead, seq: receipt.seq });
  return jsonAnswer(receipt);
}

function checkpointData(body: string): z.infer<ReturnType<typeof z.json>> {
  try {
    const data = parseOrRefuse(z.json(), parseJson(body));
    const bytes = Buffer.byteLength(JSON.stringify(data));
    if (bytes <= CHECKPOINT_MAX_BYTES) return data;
    const reason = `The checkpoint has ${String(bytes)} bytes, the limit is ${String(CHECKPOINT_MAX_BYTES)}`;
    throw new RelightError('too_large', reason);
  } catch (error) {
    // The stack ends before the limit does when a value is nothing but brackets.
    if (!(error instanceof RangeError)) throw error;
    throw new RelightError('invalid_request', 'The checkpoint is nested too deeply', { cause: error });
  }
}

/** Returns once the worktree as it is now is stored, or after a while: an agent's work does not wait for a store. */
async function snapshot({ snapshots }: ToolParts, { rig, agent }: ToolUser): Promise<ToolAnswer> {
  const timer = new AbortController();
  const late = delay(SNAPSHOT_WAIT_MS, undefined, { signal: timer.signal });
  await Promise.race([snapshots.now(rig, agent), late]).finally(() => timer.abort());
  const atRisk = snapshots.riskOf(rig, agent);
  return jsonAnswer({ atRisk });
}

async function done(parts: ToolParts, user: ToolUser, body: string): Promise<ToolAnswer> {
  const head = await finish(parts, user, parseOrRefuse(DoneRequest, parseJson(body)));
  return jsonAnswer({ bead: user.bead, branch: user.branch, head });
}

async function status(parts: ToolParts, user: ToolUser): Promise<ToolAnswer> {
  const { bootId, generation, draining } = parts.lifecycle;
  const head = await parts.worktrees.headOf(user.rig, user.agent);
  return jsonAnswer({ town: parts.town, ...user, head, bootId, generation, draining });
}
