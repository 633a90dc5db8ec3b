import { z } from 'zod';
import { AgentExit, Finishing } from './agent.ts';
import { AgentSighting } from './control.ts';
import { DiskSpace } from './disk.ts';
import type { Exchange } from './exchange.ts';
import { BranchName } from './git-names.ts';
import { BootId, CommitId, Id, Instant, Life, StartId } from './ids.ts';
import { Prime } from './prime.ts';
import { AgentReport, RecoveryId, RigReport } from './recovery.ts';
import { SnapshotOffer, SnapshotReceipt } from './snapshot.ts';

/** How often a control server tells the Worker which agents it has. */
export const HEARTBEAT_INTERVAL_MS = 5_000;

/** An agent of the current life that asks for something through its control server. */
export const Caller = z.object({ life: Life, rig: Id, agent: Id });

export const Announcement = z.object({ bootId: BootId, bootedAt: Instant });
export type Announcement = z.infer<typeof Announcement>;

/**
 * `generation` is null until the Town has accepted the boot. `token` is there when the control server is to call with
 * another one from now on.
 */
export const Standing = z.object({
  generation: z.int().positive().nullable(),
  token: z.string().min(1).optional(),
});
export type Standing = z.infer<typeof Standing>;

/** `disk` is null where it cannot be measured, and for an image that does not. `rigs` are those that have something on it. */
export const Heartbeat = z.object({
  bootId: BootId,
  at: Instant,
  agents: z.array(AgentSighting),
  disk: DiskSpace.nullable().default(null),
  rigs: z.array(Id).default([]),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

/** `erased` are those of the heartbeat's rigs that the town does not have. */
export const HeartbeatAnswer = Standing.extend({ erased: z.array(Id).default([]) });
export type HeartbeatAnswer = z.infer<typeof HeartbeatAnswer>;

export const RigReportMessage = z.object({
  life: Life,
  recoveryId: RecoveryId.nullable(),
  event: z.string().nullable(),
  report: RigReport,
});
export type RigReportMessage = z.infer<typeof RigReportMessage>;

/** Agents whose worktrees are there, while others of the rig are still waited for; the rig's report names them again. */
export const AgentsReadyMessage = z.object({
  life: Life,
  recoveryId: RecoveryId.nullable(),
  rig: Id,
  agents: z.array(AgentReport).min(1),
});
export type AgentsReadyMessage = z.infer<typeof AgentsReadyMessage>;

/** `cause`: the agent ended by itself, was stopped on request or by the shutdown, or never started. */
export const ExitMessage = Caller.extend({
  startId: StartId,
  bead: Id,
  cause: z.enum(['exited', 'stopped', 'shutdown', 'spawn_failed']),
  exit: AgentExit,
});
export type ExitMessage = z.infer<typeof ExitMessage>;

export const CheckpointMessage = Caller.extend({ bead: Id, head: CommitId.nullable(), data: z.json() });
export type CheckpointMessage = z.infer<typeof CheckpointMessage>;

export const CheckpointReceipt = z.object({ seq: z.int().positive(), at: Instant });
export type CheckpointReceipt = z.infer<typeof CheckpointReceipt>;

/** Sent before the push that `done` begins with, and taken back with null where the agent goes on. */
export const FinishingMessage = Caller.extend({ bead: Id, finishing: Finishing.nullable() });
export type FinishingMessage = z.infer<typeof FinishingMessage>;

/** Sent only after the remote branch was seen to hold `head`; null is a branch without any commit. */
export const DoneMessage = Caller.extend({
  bead: Id,
  branch: BranchName,
  ...Finishing.pick({ head: true, prUrl: true, summary: true }).shape,
});
export type DoneMessage = z.infer<typeof DoneMessage>;

/** Which rig's credential is needed; `fresh` says that the last one was refused. */
export const CredentialQuestion = z.object({ life: Life, rig: Id, fresh: z.boolean().default(false) });

/** What git is told over http(s). */
export const PasswordCredential = z.object({ username: z.string(), password: z.string() });
export type PasswordCredential = z.infer<typeof PasswordCredential>;

/** A private key in PEM, and the host's lines of known_hosts (sshd(8)); null where any key is believed the first time. */
export const SshCredential = z.object({ privateKey: z.string(), knownHosts: z.string().nullable() });
export type SshCredential = z.infer<typeof SshCredential>;

export const Credential = z.union([PasswordCredential, SshCredential]);
export type Credential = z.infer<typeof Credential>;

/** The secrets for an agent's environment, by the names of their variables. */
export const SecretValues = z.record(z.string(), z.string());
export type SecretValues = z.infer<typeof SecretValues>;

/** The calls that the control server makes to the Worker. */
export const CALLBACKS = {
  announce: { method: 'POST', path: '/callback/boot', body: Announcement, answer: Standing },
  heartbeat: { method: 'POST', path: '/callback/heartbeat', body: Heartbeat, answer: HeartbeatAnswer },
  rigReport: { method: 'POST', path: '/callback/rig-report', body: RigReportMessage, answer: z.void() },
  agentsReady: {
    method: 'POST',
    path: '/callback/agents-ready',
    body: AgentsReadyMessage,
    answer: z.void(),
  },
  exit: { method: 'POST', path: '/callback/agent-exit', body: ExitMessage, answer: z.void() },
  prime: { method: 'POST', path: '/callback/prime', body: Caller, answer: Prime },
  checkpoint: {
    method: 'POST',
    path: '/callback/checkpoint',
    body: CheckpointMessage,
    answer: CheckpointReceipt,
  },
  snapshotPushed: {
    method: 'POST',
    path: '/callback/snapshot-pushed',
    body: SnapshotOffer,
    answer: SnapshotReceipt,
  },
  finishing: { method: 'POST', path: '/callback/finishing', body: FinishingMessage, answer: z.void() },
  done: { method: 'POST', path: '/callback/done', body: DoneMessage, answer: z.void() },
  secrets: { method: 'POST', path: '/callback/secrets', body: Caller, answer: SecretValues },
  credential: {
    method: 'POST',
    path: '/callback/credential',
    body: CredentialQuestion,
    answer: Credential,
  },
} as const satisfies Record<string, Exchange>;

/** What the Worker hands to the container when it starts it; the token names the town, and the start. */
export const ContainerEnv = z.object({
  GT_TOWN: Id,
  RELIGHT_URL: z.url(),
  RELIGHT_TOKEN: z.string().min(1),
  ALLOW_PRIVATE_GIT: z.enum(['true', 'false']).default('false'),
  DRAIN_SECONDS: z.coerce.number().int().positive().default(30),
});
