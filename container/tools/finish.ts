import { z } from 'zod';
import { Finishing } from '../../src/contract/agent.ts';
import { CALLBACKS } from '../../src/contract/callbacks.ts';
import { RelightError } from '../../src/contract/errors.ts';
import { errorFacts, log } from '../log.ts';
import { callerOf } from './tool-user.ts';
import type { ToolParts, ToolUser } from './tool-user.ts';

/** What an agent says of its finished bead. `wip` commits what is not committed, `discard` leaves it behind. */
export const DoneRequest = Finishing.omit({ head: true })
  .partial()
  .extend({ wip: z.boolean().default(false) });
type DoneRequest = z.infer<typeof DoneRequest>;

/**
 * Finishes the agent's bead: everything committed, pushed and seen on the remote, then told to the Worker. The intent is
 * stored before the push, so that a container that dies in between finishes it in its next life. Throws RelightError
 * `uncommitted`, `not_pushed`, or the code of what failed; the agent goes on with its bead then.
 */
export async function finish(parts: ToolParts, user: ToolUser, request: DoneRequest): Promise<string | null> {
  const { rig, agent, bead } = user;
  const { wip, prUrl = null, summary = null, discard = false } = request;
  if (wip) await parts.worktrees.commitAll(rig, agent, `wip: what ${bead} left uncommitted`);
  if (!discard) await refuseUncommitted(parts, user);
  const head = await parts.worktrees.headOf(rig, agent);
  const finishing = { head, prUrl, summary, discard };
  await tellIntent(parts, user, finishing);
  try {
    return await pushAndTell(parts, user, finishing);
  } catch (error) {
    await tellIntent(parts, user, null).catch((later: unknown) =>
      log.warn('agent.intent-stays', { rig, agent, bead, ...errorFacts(later) }),
    );
    throw error;
  }
}

/**
 * Completes a `done` that the container's death cut off, if the worktree is as it was then. False where it cannot be:
 * the agent is to be started, and decides anew.
 */
export async function finishAfterRestart(
  parts: ToolParts,
  user: ToolUser,
  finishing: Finishing,
): Promise<boolean> {
  const { rig, agent, bead } = user;
  try {
    const head = await parts.worktrees.headOf(rig, agent);
    if (head !== finishing.head)
      throw new RelightError('not_pushed', `HEAD was at ${finishing.head}, and is at ${head}`);
    if (!finishing.discard) await refuseUncommitted(parts, user);
    await pushAndTell(parts, user, finishing);
    return true;
  } catch (error) {
    log.warn('agent.done-not-completed', { rig, agent, bead, ...errorFacts(error) });
    await tellIntent(parts, user, null);
    return false;
  }
}

async function pushAndTell(parts: ToolParts, user: ToolUser, finishing: Finishing): Promise<string | null> {
  const { rig, agent, bead, branch } = user;
  const { prUrl, summary, discard } = finishing;
  // Pushed before the Worker hears of it, so that a bead that is done can always be fetched.
  const { head, dirty } = await parts.worktrees.ensurePushed(rig, agent, branch);
  if (dirty && !discard) await refuseUncommitted(parts, user);
  await parts.worker.call(CALLBACKS.done, { ...callerOf(parts, user), bead, branch, head, prUrl, summary });
  parts.snapshots.discard(rig, agent);
  log.info('agent.done', { rig, agent, bead, head });
  return head;
}

async function refuseUncommitted({ worktrees }: ToolParts, { rig, agent }: ToolUser): Promise<void> {
  const files = await worktrees.uncommitted(rig, agent);
  if (files.length === 0) return;
  throw new RelightError('uncommitted', `Not committed: ${files.join(', ')}`);
}

async function tellIntent(parts: ToolParts, user: ToolUser, finishing: Finishing | null): Promise<void> {
  await parts.worker.call(CALLBACKS.finishing, { ...callerOf(parts, user), bead: user.bead, finishing });
}
