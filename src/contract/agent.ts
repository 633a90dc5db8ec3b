import { z } from 'zod';
import { Fault } from './errors.ts';
import { BranchName } from './git-names.ts';
import { CommitId, Id, Instant } from './ids.ts';
import { SnapshotGlance } from './snapshot.ts';
import { ShellCommand } from './town.ts';

/** A place in an agent's output: `start`, or the boot and how many bytes of it were read. */
export const LogPlace = z
  .string()
  .regex(/^(?:start|[0-9a-f]{32}-\d{1,15})$/, 'must be "start" or what came as "next"');
export type LogPlace = z.infer<typeof LogPlace>;

/** What an agent wrote from a place on; `skipped` counts the bytes after that place which are no longer kept. */
export const LogPart = z.object({ text: z.string(), next: LogPlace, skipped: z.int().nonnegative() });
export type LogPart = z.infer<typeof LogPart>;

export const AgentRole = z.enum(['polecat', 'witness', 'refinery', 'mayor']);
export type AgentRole = z.infer<typeof AgentRole>;

/** What an operator sets on an agent. */
export const AgentSpec = z.object({
  role: AgentRole.default('polecat'),
  baseBranch: BranchName.nullable().default(null),
  agentCommand: ShellCommand.nullable().default(null),
});
export type AgentSpec = z.infer<typeof AgentSpec>;

/** A unit of work. */
export const Bead = z.object({
  id: Id,
  title: z.string().min(1).max(500),
  body: z
    .string()
    .max(256 * 1024)
    .default(''),
});
export type Bead = z.infer<typeof Bead>;

/** The body of a sling. Without `branch` the agent works on `gt/<agent>/<bead>`. */
export const Sling = z.object({ bead: Bead, branch: BranchName.nullable().default(null) });
export type Sling = z.infer<typeof Sling>;

export const AgentStatus = z.enum(['idle', 'pending', 'starting', 'working', 'stalled', 'failed']);
export type AgentStatus = z.infer<typeof AgentStatus>;

/** How a started agent ended. `code` and `signal` are the operating system's; one of them is null. */
export const AgentExit = z.object({
  code: z.int().nullable(),
  signal: z.string().nullable(),
  ranMs: z.int().nonnegative(),
  tail: z.string(),
});
export type AgentExit = z.infer<typeof AgentExit>;

/** An agent as the operator sees it; `atRisk` says why its newest work could not be stored outside the container. */
export const AgentView = AgentSpec.extend({
  agent: Id,
  status: AgentStatus,
  bead: Bead.nullable(),
  branch: BranchName.nullable(),
  attempts: z.int().nonnegative(),
  notBefore: Instant.nullable(),
  fault: Fault.nullable(),
  snapshot: SnapshotGlance.nullable(),
  atRisk: Fault.nullable(),
  generation: z.int().nonnegative(),
  startedAt: Instant.nullable(),
  lastSeenAt: Instant.nullable(),
  lastExit: AgentExit.nullable(),
});
export type AgentView = z.infer<typeof AgentView>;

/** The largest checkpoint, in bytes of JSON in UTF-8. */
export const CHECKPOINT_MAX_BYTES = 256 * 1024;

/** Progress that an agent saved; `data` is whatever JSON it chose. */
export const Checkpoint = z.object({
  seq: z.int().positive(),
  bead: Id,
  at: Instant,
  generation: z.int().positive(),
  head: CommitId.nullable(),
  data: z.json(),
});
export type Checkpoint = z.infer<typeof Checkpoint>;

/** How an agent means to finish its bead; `head` is what HEAD is then. */
export const Finishing = z.object({
  head: CommitId.nullable(),
  prUrl: z.url({ protocol: /^https?$/ }).nullable(),
  summary: z
    .string()
    .max(16 * 1024)
    .nullable(),
  discard: z.boolean(),
});
export type Finishing = z.infer<typeof Finishing>;

/** The record of a finished bead. */
export const DoneRecord = z.object({
  bead: Id,
  branch: BranchName,
  head: CommitId.nullable(),
  prUrl: z.string().nullable(),
  summary: z.string().nullable(),
  doneAt: Instant,
});
export type DoneRecord = z.infer<typeof DoneRecord>;
