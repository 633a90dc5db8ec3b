import type { RestoreRequest } from '../src/contract/control.ts';
import type { RigReport } from '../src/contract/recovery.ts';
import { homeDir, knownHostsFile } from './agents/places.ts';
import { runSetup } from './agents/setup.ts';
import type { Shells } from './agents/shells.ts';
import type { Supervisor } from './agents/supervisor.ts';
import type { Config } from './config.ts';
import type { RestoreHooks } from './git/restore-context.ts';
import { log } from './log.ts';
import type { Snapshots } from './snapshots/snapshots.ts';
import type { Credentials } from './tools/credentials.ts';
import type { Sockets } from './tools/sockets.ts';
import type { Users } from './users/users.ts';
import type { Worktrees } from './worktrees.ts';

/** What a restore works with. */
export interface RestoreParts {
  readonly config: Config;
  readonly users: Users | null;
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
  const hooks: RestoreHooks = {
    signal,
    putBack: async (plan, place) =>
      await parts.snapshots.putBack(rig, plan, { ...place, home: request.snapshots.home, signal }),
    onRemote: (refs) => parts.snapshots.sweep(rig, request, refs),
    onPhase: ({ name, agent, ms, ok, detail }) => log.info('rig.phase', { rig, name, agent, ms, ok, detail }),
    onAgent: ({ agent, branch, head, from, snapshot, fault }) =>
      log.info('agent.restored', { rig, agent, branch, head, from, snapshot, fault: fault?.code ?? null }),
  };
  const command = request.setupCommand;
  if (command === null) return await parts.worktrees.restore(rig, request, hooks);
  const plans = new Map(request.agents.map((plan) => [plan.agent, plan]));
  return await parts.worktrees.restore(rig, request, {
    ...hooks,
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
          owner,
          rig,
          knownHostsFile(homeDir(parts.config.workspace, rig, agent)),
        ),
      };
      await runSetup(parts, order, parts.supervisor.logOf(rig, agent));
    },
  });
}
