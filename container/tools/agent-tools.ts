import { z } from 'zod';
import { CHECKPOINT_MAX_BYTES } from '../../src/contract/agent.ts';
import { CALLBACKS, DoneMessage } from '../../src/contract/callbacks.ts';
import { RelightError } from '../../src/contract/errors.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { log } from '../log.ts';
import { parseJson, parseOrRefuse } from '../problem.ts';
import type { WorkerClient } from '../worker-client.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import type { Worktrees } from '../worktrees.ts';
import type { Credentials } from './credentials.ts';
import { jsonAnswer, type ToolAnswer, type ToolRoutes } from './sockets.ts';

/** The start of an agent whose socket it is; every message it causes carries this bead. */
export interface ToolUser {
  readonly rig: string;
  readonly agent: string;
  readonly bead: string;
  readonly branch: string;
  readonly startId: string;
}

/** What the tools work with. */
export interface ToolParts {
  readonly town: string;
  readonly worker: WorkerClient;
  readonly lifecycle: Lifecycle;
  readonly worktrees: Worktrees;
  readonly credentials: Credentials;
  readonly snapshots: Snapshots;
}

const DoneRequest = z.object({
  prUrl: DoneMessage.shape.prUrl.default(null),
  summary: DoneMessage.shape.summary.default(null),
  discard: z.boolean().default(false),
});

/** The tools that one start of one agent finds on its socket. */
export function agentTools(parts: ToolParts, user: ToolUser): ToolRoutes {
  return {
    '/prime': async () => jsonAnswer(await parts.worker.call(CALLBACKS.prime, callerOf(parts, user))),
    '/checkpoint': async (body) => await checkpoint(parts, user, body),
    '/done': async (body) => await done(parts, user, body),
    '/status': async () => await status(parts, user),
    '/credential': async (body) => await parts.credentials.answer(user.rig, body),
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

async function done(parts: ToolParts, user: ToolUser, body: string): Promise<ToolAnswer> {
  const { rig, agent, bead, branch } = user;
  const { discard, prUrl, summary } = parseOrRefuse(DoneRequest, parseJson(body));
  // Pushed before the Worker hears of it, so that a bead that is done can always be fetched.
  const { head, dirty } = await parts.worktrees.ensurePushed(rig, agent, branch);
  if (dirty && !discard) {
    const files = await parts.worktrees.uncommitted(rig, agent);
    throw new RelightError(
      'not_pushed',
      `Not committed: ${files.join(', ')}. Commit it, or say --discard to leave it behind`,
    );
  }
  const message = { ...callerOf(parts, user), bead, branch, head, prUrl, summary };
  await parts.worker.call(CALLBACKS.done, message);
  parts.snapshots.discard(rig, agent);
  log.info('agent.done', { rig, agent, bead, head });
  return jsonAnswer({ bead, branch, head });
}

async function status(parts: ToolParts, user: ToolUser): Promise<ToolAnswer> {
  const { bootId, generation, draining } = parts.lifecycle;
  const head = await parts.worktrees.headOf(user.rig, user.agent);
  return jsonAnswer({ town: parts.town, ...user, head, bootId, generation, draining });
}

function callerOf({ lifecycle }: ToolParts, { rig, agent }: ToolUser): z.infer<typeof CALLBACKS.prime.body> {
  return { life: lifecycle.life, rig, agent };
}
