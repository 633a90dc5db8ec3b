import { chown, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AgentExit } from '../../src/contract/agent.ts';
import { CALLBACKS } from '../../src/contract/callbacks.ts';
import type { SecretValues } from '../../src/contract/callbacks.ts';
import { RelightError } from '../../src/contract/errors.ts';
import type { Config } from '../config.ts';
import type { Git } from '../git/run-git.ts';
import type { KnownSecrets } from '../known-secrets.ts';
import { errorFacts, log } from '../log.ts';
import { agentTools } from '../tools/agent-tools.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import { finishAfterRestart } from '../tools/finish.ts';
import type { Sockets } from '../tools/sockets.ts';
import type { ToolParts } from '../tools/tool-user.ts';
import { type AgentLog, Tail } from './agent-log.ts';
import type { Users } from '../users/users.ts';
import { environmentOf, gtEnvironment } from './environment.ts';
import { homeDir, knownHostsFile, primeFile } from './places.ts';
import { prepare, writeBelow } from './prepare.ts';
import type { AgentRun, ExitCause } from './run.ts';
import { judgeSession } from './session.ts';
import type { Shells } from './shells.ts';

const TAIL_BYTES = 4 * 1024;

/** How a start ended; `isOver` says that its bead was over by then. */
export interface Ended {
  readonly cause: ExitCause;
  readonly exit: AgentExit;
  readonly isOver: boolean;
}

/** How a start ends that only had to complete a `done`. */
const FINISHED = {
  cause: 'exited',
  exit: { code: 0, signal: null, ranMs: 0, tail: 'done was completed after the restart' },
  isOver: true,
} as const;

/** What a launch works with. */
export interface LaunchParts extends ToolParts {
  readonly config: Config;
  readonly git: Git;
  readonly shells: Shells;
  readonly sockets: Sockets;
  readonly snapshots: Snapshots;
  readonly secrets: KnownSecrets;
  readonly users: Users | null;
}

/** Where a launch leaves its traces. */
export interface LaunchTraces {
  readonly agentLog: AgentLog;
  readonly onRunning: () => void;
}

/** Runs one start of an agent to its end and says how it ended; what keeps it from starting is `spawn_failed`. */
export async function launch(parts: LaunchParts, run: AgentRun, traces: LaunchTraces): Promise<Ended> {
  const { rig, agent, bead, startId } = run.order;
  const tail = new Tail(TAIL_BYTES);
  try {
    const prime = await preparePrime(parts, run);
    await parts.snapshots.watch(run.order, parts.worktrees.dirOf(rig, agent));
    const { finishing } = run.order;
    if (finishing !== null && (await finishAfterRestart(parts, run.order, finishing))) return FINISHED;
    const secrets = await takeSecrets(parts, run);
    const exit = await runInWorktree(parts, run, { ...traces, tail, prime, secrets });
    // Before the exit is told: what the agent left is safe before anybody acts on its end.
    if (run.stopCause === 'stopped') parts.snapshots.discard(rig, agent);
    else await parts.snapshots.now(rig, agent);
    log.info('agent.ended', { rig, agent, bead, startId, cause: run.stopCause ?? 'exited', ...exit });
    return {
      cause: run.stopCause ?? 'exited',
      exit: { ...exit, tail: parts.secrets.hide(tail.text()) },
      isOver: !parts.snapshots.isKept(rig, agent),
    };
  } catch (error) {
    const { code, reason } = errorFacts(error);
    log.warn('agent.not-started', { rig, agent, bead, startId, cause: run.stopCause, code, reason });
    const exit = {
      code: null,
      signal: null,
      ranMs: 0,
      tail: error instanceof RelightError ? `${code}: ${reason}` : reason,
    };
    const isOver = run.stopCause === 'stopped';
    if (isOver) parts.snapshots.discard(rig, agent);
    return { cause: run.stopCause ?? 'spawn_failed', exit, isOver };
  }
}

/** Proves the worktree, and gives the prime's text after writing it to its file. */
async function preparePrime(parts: LaunchParts, run: AgentRun): Promise<string> {
  const { rig, agent, bead } = run.order;
  run.stopSignal.throwIfAborted();
  await proveWorktree(parts, run);
  const caller = { life: parts.lifecycle.life, rig, agent };
  const prime = await parts.worker.call(CALLBACKS.prime, caller, { signal: run.stopSignal });
  if (prime.bead?.id !== bead) {
    const reason = `The start is for bead ${bead}, the hook holds ${prime.bead?.id ?? 'none'}`;
    throw new RelightError('bead_not_hooked', reason);
  }
  const { workspace } = parts.config;
  const file = primeFile(workspace, rig, agent);
  parts.users?.makeHome(rig, agent);
  await mkdir(dirname(file), { recursive: true });
  await mkdir(homeDir(workspace, rig, agent), { recursive: true });
  await writeFile(file, prime.text, { mode: 0o600 });
  const user = parts.users?.agent(rig, agent);
  if (user !== undefined) await chown(file, user.uid, user.gid);
  return prime.text;
}

/** The secrets for the agent's environment: asked for at each start, and kept nowhere. */
async function takeSecrets(
  { worker, lifecycle, secrets }: LaunchParts,
  { order: { rig, agent }, stopSignal: signal }: AgentRun,
): Promise<SecretValues> {
  const values = await worker.call(CALLBACKS.secrets, { life: lifecycle.life, rig, agent }, { signal });
  secrets.add(Object.values(values));
  return values;
}

async function proveWorktree({ worktrees }: LaunchParts, { order }: AgentRun): Promise<void> {
  try {
    await worktrees.headOf(order.rig, order.agent);
  } catch (error) {
    const { reason } = errorFacts(error);
    const code = error instanceof RelightError ? error.code : 'internal';
    throw new RelightError(code, `${order.agent} has no usable worktree: ${reason}`, { cause: error });
  }
}

async function runInWorktree(
  parts: LaunchParts,
  run: AgentRun,
  {
    agentLog,
    onRunning,
    tail,
    prime,
    secrets,
  }: LaunchTraces & { tail: Tail; prime: string; secrets: SecretValues },
): Promise<Omit<AgentExit, 'tail'>> {
  const { config, sockets, shells, worktrees, credentials, users, snapshots } = parts;
  const { rig, agent, bead, startId, command } = run.order;
  const { workspace } = config;
  const owner = `agent:${rig}/${agent}`;
  const user = users?.agent(rig, agent) ?? null;
  const socket = await sockets.open(owner, agentTools(parts, run.order), { user });
  try {
    await credentials.openKeySocket(owner, rig, { user });
    const home = homeDir(workspace, rig, agent);
    const worktree = worktrees.dirOf(rig, agent);
    writeBelow(home, gtEnvironment(socket));
    const env = {
      ...secrets,
      ...environmentOf(config, run.order, credentials.settings(owner, rig, knownHostsFile(home))),
      GT_SOCKET: socket,
      GT_PRIME_FILE: primeFile(workspace, rig, agent),
    };
    const prepared = await prepare({ home, worktree, bead, command, prime, env });
    run.stopSignal.throwIfAborted();
    agentLog.mark(`start ${startId}`, run.startedAt);
    const end = await shells.run({
      ...prepared,
      cwd: worktree,
      user,
      stop: run.stopSignal,
      drainMs: config.drainMs,
      onSpawn: (pid) => {
        log.info('agent.started', { rig, agent, bead, startId, pid });
        onRunning();
      },
      onOutput: (chunk) => {
        run.wroteAt = Date.now();
        snapshots.stirred(rig, agent);
        agentLog.append(chunk);
        tail.append(chunk);
      },
    });
    if (prepared.resumes && run.stopCause === null) await judgeSession(home, bead, end);
    return end;
  } finally {
    await credentials.closeKeySocket(owner);
    await sockets.close(owner);
  }
}
