import { z } from 'zod';
import { DiskSpace } from './disk.ts';
import { Fault } from './errors.ts';
import { BootId, Id, Instant } from './ids.ts';
import { RecoveryGlance } from './recovery.ts';
import { SNAPSHOT_MAX_BYTES, SnapshotStore } from './snapshot.ts';

/**
 * A shell command that an agent or a rig's setup runs; 8 KiB at most. An agent's may be one of the single words `kilo`,
 * `opencode`, `claude` and `codex`: a tool that Relight knows how to run.
 */
export const ShellCommand = z.string().min(1).max(8192);

/** Variables that Relight sets for its agents, or that would change how programs are loaded. */
const RESERVED = /^(?:GT_|GIT_|RELIGHT_|LD_|DYLD_)|^(?:PATH|HOME|TMPDIR|NODE_OPTIONS|NODE_PATH)$/;

/**
 * Secrets for the environment of a town's agents, such as API keys: by the variable's name, the name of a Worker secret
 * `AGENT_SECRET_<NAME>`, never a value.
 */
export const AgentSecrets = z
  .record(
    z
      .string()
      .regex(/^[A-Z_][A-Z0-9_]{0,63}$/, 'must be the name of a variable: A-Z 0-9 _')
      .refine((name) => !RESERVED.test(name), { message: 'is set by Relight' }),
    z.string().regex(/^[A-Z0-9_]{1,64}$/, 'must be 1 to 64 of A-Z 0-9 _'),
  )
  .refine((secrets) => Object.keys(secrets).length <= 50, { message: 'are at most 50' });
export type AgentSecrets = z.infer<typeof AgentSecrets>;

/** What an operator sets on a town. Without `snapshotStore` it is R2 where that is bound, else git. */
export const TownSettings = z.object({
  agentCommand: ShellCommand.nullable().default(null),
  agentSecrets: AgentSecrets.default({}),
  snapshotIntervalSeconds: z.int().min(2).max(3600).default(10),
  snapshotStore: SnapshotStore.nullable().default(null),
  maxSnapshotFileBytes: z
    .int()
    .min(1024)
    .max(SNAPSHOT_MAX_BYTES)
    .default(50 * 1024 * 1024),
  drainSeconds: z.int().min(1).max(600).default(30),
});
export type TownSettings = z.infer<typeof TownSettings>;

/**
 * dark: no container; starting: one is coming up; recovering: a recovery runs; lit: recovered;
 * degraded: lit with a failed rig, or something that keeps it from being lit, or starts that are held back: see the fault.
 */
export const TownState = z.enum(['dark', 'starting', 'recovering', 'lit', 'degraded']);
export type TownState = z.infer<typeof TownState>;

/** One boot the Town has accepted; `disk` is what its last heartbeat said of it, null where none has. */
export const BootView = z.object({
  bootId: BootId,
  generation: z.int().positive(),
  acceptedAt: Instant,
  lastHeartbeatAt: Instant.nullable(),
  endedAt: Instant.nullable(),
  exit: z.string().nullable(),
  disk: DiskSpace.nullable(),
});
export type BootView = z.infer<typeof BootView>;

/** A boot with its recoveries, newest first: its own, and those that were asked for by hand. */
export const BootRecord = BootView.extend({ recoveries: z.array(RecoveryGlance) });
export type BootRecord = z.infer<typeof BootRecord>;

/** A rig that was removed, and why snapshots may be left on its remote. */
export const LeftRefs = z.object({ rig: Id, fault: Fault });
export type LeftRefs = z.infer<typeof LeftRefs>;

/** What became of a town or rig that was removed: it is gone, but for refs that could not be deleted. */
export const Removal = z.object({ left: z.array(LeftRefs) });
export type Removal = z.infer<typeof Removal>;

/**
 * A town as the operator sees it; until `heldUntil` none of its agents is started, for too many beads failed. `heldDown`
 * says that the operator wants the container stopped.
 */
export const TownView = TownSettings.extend({
  town: Id,
  state: TownState,
  fault: Fault.nullable(),
  generation: z.int().nonnegative(),
  boot: BootView.nullable(),
  nextStartAt: Instant.nullable(),
  heldDown: z.boolean(),
  heldUntil: Instant.nullable(),
  createdAt: Instant,
});
export type TownView = z.infer<typeof TownView>;

export const ContainerAction = z.object({ action: z.enum(['start', 'stop', 'kill']) });
export type ContainerAction = z.infer<typeof ContainerAction>;
