import { z } from 'zod';
import { AgentRole, Finishing } from './agent.ts';
import { DiskSpace } from './disk.ts';
import { Fault } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { BranchName, GitUrl } from './git-names.ts';
import { BootId, CommitId, Id, Instant, Life, StartId } from './ids.ts';
import { RecoveryId, RigReport } from './recovery.ts';
import { CacheOrders } from './repo-cache.ts';
import { History, SparseFolders } from './rig.ts';
import { Snapshot, SnapshotPolicy } from './snapshot.ts';
import { ShellCommand } from './town.ts';

/** The port that the control server listens on inside the container, unless `PORT` says otherwise. */
export const CONTROL_PORT = 8080;

/** The header that names the boot a control call is meant for; another boot answers `409 stale_boot`. */
export const BOOT_HEADER = 'relight-boot';

/** The header with a fresh token, by which the boot that the call is meant for may call back. */
export const TOKEN_HEADER = 'relight-token';

/** How the control server stands. `generation` is null until the Town has accepted the boot. */
export const ControlHealth = z.object({
  town: Id,
  bootId: BootId,
  generation: z.int().positive().nullable(),
  bootedAt: Instant,
  draining: z.boolean(),
  agents: z.int().nonnegative(),
  disk: DiskSpace.nullable().default(null),
});
export type ControlHealth = z.infer<typeof ControlHealth>;

/**
 * One worktree to bring back. `checkpointHead` is the commit that the newest checkpoint of the bead names; `snapshot` is
 * the newest one, `older` those to fall back on, newest first, and `pinned` those that could not be put back before.
 */
export const WorktreePlan = z.object({
  agent: Id,
  bead: Id,
  branch: BranchName,
  baseBranch: BranchName.nullable(),
  checkpointHead: CommitId.nullable(),
  snapshot: Snapshot.nullable(),
  older: z.array(Snapshot).default([]),
  pinned: z.array(Snapshot).default([]),
});
export type WorktreePlan = z.infer<typeof WorktreePlan>;

/**
 * What to bring back in one rig. `recoveryId` and `event` are null when the Rig asks outside a recovery. `hooked` names
 * all agents that have a bead, also those whose worktrees are not wanted now: what others left on the remote is
 * superfluous. `files` says about how many files the worktrees have in all, null where nobody knows: the smallest rig comes
 * first. `repoCache` is left out where the deployment has no bucket for caches.
 */
export const RestoreRequest = z.object({
  life: Life,
  recoveryId: RecoveryId.nullable(),
  event: z.string().nullable(),
  gitUrl: GitUrl,
  defaultBranch: BranchName.nullable(),
  credential: z.boolean(),
  setupCommand: ShellCommand.nullable(),
  history: History.default('full'),
  sparse: SparseFolders.default([]),
  repoCache: CacheOrders.optional(),
  snapshots: SnapshotPolicy,
  agents: z.array(WorktreePlan),
  hooked: z.array(Id).nullable().default(null),
  files: z.int().nonnegative().nullable().default(null),
});
export type RestoreRequest = z.infer<typeof RestoreRequest>;

/** The answer comes at once; the report follows by `CALLBACKS.rigReport` unless it is here already. */
export const RestoreAnswer = z.discriminatedUnion('state', [
  z.object({ state: z.literal('restoring') }),
  z.object({ state: z.literal('finished'), report: RigReport }),
]);
export type RestoreAnswer = z.infer<typeof RestoreAnswer>;

/**
 * Starts one agent in its worktree; safe to repeat. `startId` names this start in every later message about it. With
 * `finishing` a `done` that was cut off is completed first, if that can be.
 */
export const StartRequest = z.object({
  life: Life,
  startId: StartId,
  bead: Id,
  branch: BranchName,
  role: AgentRole,
  command: ShellCommand,
  snapshots: SnapshotPolicy,
  finishing: Finishing.nullable().default(null),
});
export type StartRequest = z.infer<typeof StartRequest>;

/** The start that is in force: the asked one, or the one that runs already. */
export const StartAnswer = z.object({ startId: StartId });

export const StopRequest = z.object({ life: Life });

/**
 * One agent as the control server sees it; an ended one stays listed until its exit was taken by the Worker. `wroteAt` is
 * when it last wrote output.
 */
export const AgentSighting = z.object({
  rig: Id,
  agent: Id,
  bead: Id,
  startId: StartId,
  state: z.enum(['starting', 'running', 'exited']),
  startedAt: Instant,
  wroteAt: Instant.nullable().default(null),
  atRisk: Fault.nullable().default(null),
});
export type AgentSighting = z.infer<typeof AgentSighting>;

/** Output of an agent in this boot: `text` is what it wrote from byte `from` to byte `to`. */
export const OutputPart = z.object({
  from: z.int().nonnegative(),
  to: z.int().nonnegative(),
  text: z.string(),
});
export type OutputPart = z.infer<typeof OutputPart>;

/**
 * The calls that the Worker makes to the control server. All but `health` carry the container's token as a bearer token
 * (RFC 6750): everything in the container reaches the port, and only the control server knows the token.
 */
export const CONTROL = {
  health: { method: 'GET', path: '/health', body: z.undefined(), answer: ControlHealth },
  restore: { method: 'POST', path: '/rigs/:rig/restore', body: RestoreRequest, answer: RestoreAnswer },
  start: { method: 'PUT', path: '/rigs/:rig/agents/:agent', body: StartRequest, answer: StartAnswer },
  stop: { method: 'DELETE', path: '/rigs/:rig/agents/:agent', body: StopRequest, answer: z.void() },
  snapshot: {
    method: 'POST',
    path: '/rigs/:rig/agents/:agent/snapshots',
    body: StopRequest,
    answer: z.void(),
  },
  agents: { method: 'GET', path: '/agents', body: z.undefined(), answer: z.array(AgentSighting) },
  log: { method: 'GET', path: '/rigs/:rig/agents/:agent/log', body: z.undefined(), answer: z.string() },
  logAfter: {
    method: 'GET',
    path: '/rigs/:rig/agents/:agent/log/:after',
    body: z.undefined(),
    answer: OutputPart,
  },
} as const satisfies Record<string, Exchange>;
