import { mkdir } from 'node:fs/promises';
import type { WorktreePlan } from '../../src/contract/control.ts';
import { RelightError } from '../../src/contract/errors.ts';
import type { Config } from '../config.ts';
import type { CredentialSettings } from '../tools/credentials.ts';
import { type AgentLog, Tail } from './agent-log.ts';
import type { Users } from '../users/users.ts';
import { environmentOf } from './environment.ts';
import { homeDir } from './places.ts';
import type { Shells } from './shells.ts';

const SETUP_TIMEOUT_MS = 15 * 60_000;
const SETUP_DRAIN_MS = 5_000;
const TAIL_BYTES = 2 * 1024;

/** One run of a rig's setup command in one agent's new worktree. */
export interface SetupOrder {
  readonly rig: string;
  readonly plan: WorktreePlan;
  readonly dir: string;
  readonly command: string;
  readonly credentials: CredentialSettings;
  readonly signal: AbortSignal;
}

/** Runs the setup command; its output goes to the agent's log. Throws `setup_failed` with the last lines. */
export async function runSetup(
  { config, shells, users }: { config: Config; shells: Shells; users: Users | null },
  order: SetupOrder,
  agentLog: AgentLog,
): Promise<void> {
  const { rig, plan, dir, command, signal } = order;
  const timeout = AbortSignal.timeout(SETUP_TIMEOUT_MS);
  const tail = new Tail(TAIL_BYTES);
  agentLog.mark('setup', Date.now());
  users?.makeHome(rig, plan.agent);
  await mkdir(homeDir(config.workspace, rig, plan.agent), { recursive: true });
  const end = await shells.run({
    command,
    cwd: dir,
    user: users?.agent(rig, plan.agent) ?? null,
    env: environmentOf(config, { rig, ...plan }, order.credentials),
    input: '',
    stop: AbortSignal.any([signal, timeout]),
    drainMs: SETUP_DRAIN_MS,
    onOutput: (chunk) => {
      agentLog.append(chunk);
      tail.append(chunk);
    },
  });
  if (end.code === 0 && !signal.aborted) return;
  const how = timeout.aborted ? 'took more than 15 minutes' : `ended with ${end.signal ?? String(end.code)}`;
  throw new RelightError('setup_failed', `The setup command ${how}: ${tail.text().trimEnd()}`);
}
