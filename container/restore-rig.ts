import type { RestoreRequest } from '../src/contract/control.ts';
import type { RigReport } from '../src/contract/recovery.ts';
import { homeDir, knownHostsFile } from './agents/places.ts';
import { runSetup } from './agents/setup.ts';
import type { Shells } from './agents/shells.ts';
import type { Supervisor } from './agents/supervisor.ts';
import type { Config } from './config.ts';
import { cleanUpRig } from './disk/clean-up.ts';
import type { Room } from './disk/room.ts';
import type { RestoreHooks } from './git/restore-context.ts';
import type { Git } from './git/run-git.ts';
import { log } from './log.ts';
import { ReadyAgents } from './ready-agents.ts';
import type { Snapshots } from './snapshots/snapshots.ts';
import type { Credentials } from './tools/credentials.ts';
import type { Sockets } from './tools/sockets.ts';
import type { Users } from './users/users.ts';
import type { WorkerClient } from './worker-client.ts';
import type { Worktrees } from './worktrees.ts';

/** What a restore works with. */
export interface RestoreParts {
  readonly config: Config;
  readonly users: Users | null;
  readonly worker: WorkerClient;
  readonly git: Git;
  readonly room: Room;
  readonly sockets: Sockets;
  readonly shells: Shells;
  readonly supervisor: Supervisor;
  readonly credentials: Credentials;
  readonly worktrees: Worktrees;
  readonly snapshots: Snapshots;
}

/** Who is on the other end of the socket that git asks for a rig's credential. */
export function rigOwner(rig: string): string {
  return `rig:${rig}`;
}

/** Brings one rig back: credentials within git's reach first, then the worktrees, with the rig's setup in each. */
export async function restoreRigWith(
  parts: RestoreParts,
  rig: string,
  { request, signal }: { request: RestoreRequest; signal: AbortSignal },
): Promise<RigReport> {
  parts.credentials.remember(rig, request);
  const owner = rigOwner(rig);
  // For the rig's git and that of its agents: all of them may have the rig's credential.
  const access = { user: parts.users?.rig(rig) ?? null, shared: true };
  // One that is open stays: a push may be asking on it right now.
  if (!parts.sockets.isOpen(owner)) {
    await parts.sockets.open(owner, parts.credentials.routes(rig), access);
  }
  await parts.credentials.openKeySocket(owner, rig, access);
  if (request.hooked !== null)
    await cleanUpRig(parts.git, rig, hasEnded(parts, rig, new Set(request.hooked)));
  const { recoveryId } = request;
  const ready = new ReadyAgents(parts.worker, rig, request);
  const hooks: RestoreHooks = {
    signal,
    room: parts.room,
    putBack: async (plan, place) =>
      await parts.snapshots.putBack(rig, plan, { ...place, home: request.snapshots.home, signal }),
    onRemote: (refs) => parts.snapshots.sweep(rig, request, refs),
    onPhase: ({ name, agent, ms, ok, detail }) =>
      log.info('rig.phase', { recoveryId, rig, name, agent, ms, ok, detail }),
    onAgent: (report) => {
      const { agent, branch, head, from, snapshot, fault } = report;
      const outcome = { branch, head, from, snapshot, fault: fault?.code ?? null };
      log.info('agent.restored', { recoveryId, rig, agent, ...outcome });
      ready.add(report);
    },
    ...setUpHook(parts, rig, { request, signal }),
  };
  try {
    return await parts.worktrees.restore(rig, request, hooks);
  } finally {
    ready.end();
  }
}

/** Runs the rig's setup command, where it has one, with what git needs to ask for the rig's credential. */
function setUpHook(
  parts: RestoreParts,
  rig: string,
  { request, signal }: { request: RestoreRequest; signal: AbortSignal },
): Pick<RestoreHooks, 'runSetup'> {
  const command = request.setupCommand;
  if (command === null) return {};
  const plans = new Map(request.agents.map((plan) => [plan.agent, plan]));
  return {
    runSetup: async (agent, dir) => {
      const plan = plans.get(agent);
      if (plan === undefined) throw new Error(`${agent} is not in the request that is being carried out`);
      const order = {
        rig,
        plan,
        dir,
        command,
        signal,
        credentials: parts.credentials.settings(
          rigOwner(rig),
          rig,
          knownHostsFile(homeDir(parts.config.workspace, rig, agent)),
        ),
      };
      await runSetup(parts, order, parts.supervisor.logOf(rig, agent));
    },
  };
}

/** Tells of an agent whether it has no bead, nothing runs for it, and no snapshot may still be wanted of its worktree. */
function hasEnded(
  { supervisor, snapshots }: RestoreParts,
  rig: string,
  hooked: ReadonlySet<string>,
): (agent: string) => boolean {
  return (agent) => !hooked.has(agent) && !supervisor.isLive(rig, agent) && !snapshots.isKept(rig, agent);
}
