import { z } from 'zod';
import { Fault } from './errors.ts';
import { BranchName, GitUrl } from './git-names.ts';
import { Id, Instant } from './ids.ts';
import type { SnapshotPolicy } from './snapshot.ts';
import { ShellCommand } from './town.ts';

/**
 * How much of a rig's history its container gets. full: all of it, contents of old files after the agents have started;
 * blobless: those contents only when they are asked for; shallow: the newest commit of each branch, and nothing before.
 */
export const History = z.enum(['full', 'blobless', 'shallow']);
export type History = z.infer<typeof History>;

/** A folder that worktrees have where others are left out (the cone mode of https://git-scm.com/docs/git-sparse-checkout). */
const SparseFolder = z
  .string()
  .max(1_000)
  .regex(/^[^/\s!"#\\*?[\]-][^\n"\\*?[\]]*$/, 'must be a folder of the repository, without wildcards')
  .refine((path) => path.split('/').every((part) => part !== '' && part !== '.' && part !== '..'));

/** The folders that worktrees have; with none of them they have all. */
export const SparseFolders = z.array(SparseFolder).max(500);

/** What an operator sets on a rig. `credential` names a Worker secret `GIT_CREDENTIAL_<NAME>`, never a value. */
export const RigSpec = z.object({
  gitUrl: GitUrl,
  defaultBranch: BranchName.nullable().default(null),
  credential: z
    .string()
    .regex(/^[A-Z0-9_]{1,64}$/, 'must be 1 to 64 of A-Z 0-9 _')
    .nullable()
    .default(null),
  setupCommand: ShellCommand.nullable().default(null),
  agentCommand: ShellCommand.nullable().default(null),
  history: History.default('full'),
  sparse: SparseFolders.default([]),
});
export type RigSpec = z.infer<typeof RigSpec>;

/** dark: not in this generation yet; restoring; ready; partial: ready but for some agents; failed: see the fault. */
export const RigState = z.enum(['dark', 'restoring', 'ready', 'partial', 'failed']);
export type RigState = z.infer<typeof RigState>;

/** How a rig stands; until `heldUntil` the town starts none of its agents. */
export const RigView = RigSpec.extend({
  rig: Id,
  state: RigState,
  fault: Fault.nullable(),
  heldUntil: Instant.nullable(),
  generation: z.int().nonnegative(),
  agents: z.int().nonnegative(),
  activeAgents: z.int().nonnegative(),
  createdAt: Instant,
});
export type RigView = z.infer<typeof RigView>;

/** What an agent of a rig is started with, where its own record does not say otherwise. */
export interface StartOrders {
  readonly agentCommand: string | null;
  readonly snapshots: Omit<SnapshotPolicy, 'refSpace'>;
}
