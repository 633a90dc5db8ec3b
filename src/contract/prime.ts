import { z } from 'zod';
import { AgentRole, Bead, Checkpoint } from './agent.ts';
import { Fault } from './errors.ts';
import { BranchName } from './git-names.ts';
import { Id, Instant } from './ids.ts';
import { AgentReport, RecoveryId } from './recovery.ts';
import { SnapshotGlance } from './snapshot.ts';

/** What the newest restore of an agent brought back; `recoveryId` is null for a worktree made outside a recovery. */
export const Recovered = z.object({
  recoveryId: RecoveryId.nullable(),
  generation: z.int().positive(),
  at: Instant,
  report: AgentReport,
});
export type Recovered = z.infer<typeof Recovered>;

/** The largest text of a prime, in bytes of UTF-8: what a model can be given to read in one piece. */
export const PRIME_TEXT_MAX_BYTES = 64 * 1024;

/**
 * The context an agent gets when it starts; `text` is the same as Markdown, for a model to read, of at most
 * {@link PRIME_TEXT_MAX_BYTES}. The rest is never cut.
 */
export const Prime = z.object({
  town: Id,
  rig: Id,
  agent: Id,
  role: AgentRole,
  bead: Bead.nullable(),
  branch: BranchName.nullable(),
  checkpoint: Checkpoint.nullable(),
  recovered: Recovered.nullable(),
  snapshot: SnapshotGlance.nullable(),
  atRisk: Fault.nullable(),
  text: z.string(),
});
export type Prime = z.infer<typeof Prime>;
