import { z } from 'zod';
import { Fault } from './errors.ts';
import { BranchName, GitUrl } from './git-names.ts';
import { Id, Instant } from './ids.ts';
import type { SnapshotPolicy } from './snapshot.ts';
import { ShellCommand } from './town.ts';

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
