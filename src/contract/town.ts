import { z } from 'zod';
import { Fault } from './errors.ts';
import { BootId, Id, Instant } from './ids.ts';
import { SNAPSHOT_MAX_BYTES, SnapshotStore } from './snapshot.ts';

/**
 * A shell command that an agent or a rig's setup runs; 8 KiB at most. An agent's may be one of the single words `kilo`,
 * `opencode`, `claude` and `codex`: a tool that Relight knows how to run.
 */
export const ShellCommand = z.string().min(1).max(8192);

/** What an operator sets on a town. Without `snapshotStore` it is R2 where that is bound, else git. */
export const TownSettings = z.object({
  agentCommand: ShellCommand.nullable().default(null),
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
 * degraded: lit with a failed rig, or a container that keeps dying.
 */
export const TownState = z.enum(['dark', 'starting', 'recovering', 'lit', 'degraded']);
export type TownState = z.infer<typeof TownState>;

/** One boot the Town has accepted. */
export const BootView = z.object({
  bootId: BootId,
  generation: z.int().positive(),
  acceptedAt: Instant,
  lastHeartbeatAt: Instant.nullable(),
  endedAt: Instant.nullable(),
  exit: z.string().nullable(),
});
export type BootView = z.infer<typeof BootView>;

export const TownView = TownSettings.extend({
  town: Id,
  state: TownState,
  fault: Fault.nullable(),
  generation: z.int().nonnegative(),
  boot: BootView.nullable(),
  nextStartAt: Instant.nullable(),
  createdAt: Instant,
});
export type TownView = z.infer<typeof TownView>;

export const ContainerAction = z.object({ action: z.enum(['start', 'stop', 'kill']) });
export type ContainerAction = z.infer<typeof ContainerAction>;
