import { z } from 'zod';
import { Fault, faultOf } from './errors.ts';
import { BranchName } from './git-names.ts';
import { BootId, CommitId, Id, Instant } from './ids.ts';
import { CacheOutcome } from './repo-cache.ts';

/** What took how long: `work` names whether the time went to git, a setup command, or Relight itself. */
export const Phase = z.object({
  name: z.string(),
  agent: Id.nullable(),
  work: z.enum(['git', 'setup', 'relight']),
  startedAt: Instant,
  ms: z.number().nonnegative(),
  ok: z.boolean(),
  detail: z.string(),
});
export type Phase = z.infer<typeof Phase>;

/** What a restore did for one agent. `files` counts the tracked files in its worktree; `lost` names lost commits. */
export const AgentReport = z.object({
  agent: Id,
  bead: Id,
  branch: BranchName,
  head: CommitId.nullable(),
  from: z.enum(['remote', 'base', 'kept']),
  snapshot: z.enum(['restored', 'none', 'conflict', 'kept']),
  files: z.int().nonnegative(),
  lost: z.array(z.string()),
  warnings: z.array(z.string()),
  fault: Fault.nullable(),
});
export type AgentReport = z.infer<typeof AgentReport>;

/** How the restore of one rig ended: `fault` is the rig's own; an agent's stays in its report, and so does the cache's. */
export const RigReport = z.object({
  rig: Id,
  status: z.enum(['ready', 'partial', 'failed']),
  fault: Fault.nullable(),
  phases: z.array(Phase),
  agents: z.array(AgentReport),
  cache: CacheOutcome.optional(),
});
export type RigReport = z.infer<typeof RigReport>;

/** Why the rig as a whole is not there; null where it is, whole or in part. */
export function faultOfReport({ status, fault }: Pick<RigReport, 'status' | 'fault'>): Fault | null {
  if (fault !== null || status !== 'failed') return fault;
  return faultOf('internal', 'the restore failed and gave no reason');
}

export const RecoveryTrigger = z.enum(['boot', 'watchdog', 'replay']);
export type RecoveryTrigger = z.infer<typeof RecoveryTrigger>;

export const RecoveryStatus = z.enum(['running', 'complete', 'partial', 'failed', 'superseded']);
export type RecoveryStatus = z.infer<typeof RecoveryStatus>;

export const RecoveryRig = z.object({
  rig: Id,
  status: z.enum(['waiting', 'restoring', 'ready', 'partial', 'failed', 'superseded']),
  fault: Fault.nullable(),
  phases: z.array(Phase),
  agents: z.array(AgentReport),
});
export type RecoveryRig = z.infer<typeof RecoveryRig>;

/** `boot-<bootId>` for the recovery of a boot, `replay-<uuid>` for one asked for by hand; also the Workflow instance id. */
export const RecoveryId = z.string().regex(/^(?:boot-[0-9a-f]{32}|replay-[0-9a-f-]{36})$/);

/**
 * One run of the Workflow. `overheadMs` is the time in which neither git nor a setup command ran; `fault` says why it did
 * not run to its end.
 */
export const Recovery = z.object({
  recoveryId: RecoveryId,
  bootId: BootId,
  generation: z.int().positive(),
  trigger: RecoveryTrigger,
  status: RecoveryStatus,
  fault: Fault.nullable(),
  startedAt: Instant,
  finishedAt: Instant.nullable(),
  overheadMs: z.number().nonnegative().nullable(),
  rigs: z.array(RecoveryRig),
});
export type Recovery = z.infer<typeof Recovery>;

/** A recovery without what it did in each rig: enough to list and compare many. */
export const RecoveryGlance = Recovery.omit({ bootId: true, overheadMs: true, rigs: true });
export type RecoveryGlance = z.infer<typeof RecoveryGlance>;

/** The body of a replay; without `rigs` all of them. */
export const ReplayRequest = z.object({ rigs: z.array(Id).min(1).max(1000).nullable().default(null) });
export type ReplayRequest = z.infer<typeof ReplayRequest>;
