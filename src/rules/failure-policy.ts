import type { ErrorCode } from '../contract/errors.ts';
import type { Backoff } from './backoff.ts';

/** How long everything waits before it is tried again: the only place that says so. */
export const BACKOFFS = {
  /** A container that died is started again. The first death costs nothing: machines are replaced all the time. */
  containerDied: { waitsMs: [0, 500], upToMs: 600_000, jitter: 0 },
  /** A container that did not come up is started again. */
  containerStart: { waitsMs: [1_000, 1_000], upToMs: 600_000, jitter: 0.2 },
  /** A recovery is launched again: at most 100 Workflow instances a second are created for all towns together. */
  launch: { waitsMs: [5_000], upToMs: 60_000, jitter: 0.5 },
  /** A step that asks a Durable Object: it is there or back within seconds. */
  objectCall: { waitsMs: [250, 500, 1_000, 2_000, 4_000, 8_000], upToMs: null, jitter: 0 },
  /** A step that asks the control server: it answers at once, or the container is on its way down. */
  controlCall: { waitsMs: [500, 1_000, 2_000, 4_000, 8_000], upToMs: null, jitter: 0 },
  /** A recovery restores a rig again. By chance, because what fails a rig may be failing those of all towns. */
  restoreInRecovery: { waitsMs: [2_000, 10_000, 30_000], upToMs: null, jitter: 0.5 },
  /** A Rig restores itself again, outside a recovery. */
  restore: { waitsMs: [15_000], upToMs: 600_000, jitter: 0.5 },
  /** An agent whose start the infrastructure refused is started again. */
  agentStart: { waitsMs: [500], upToMs: 60_000, jitter: 0 },
  /** An agent that ended before its bead was done gets its next attempt. */
  attempt: { waitsMs: [30_000, 60_000, 120_000, 300_000], upToMs: null, jitter: 0 },
  /** A rig whose repository cache failed gets a new one. */
  cacheStored: { waitsMs: [0, 3_600_000], upToMs: 86_400_000, jitter: 0 },
} as const satisfies Record<string, Backoff>;

/** What may go wrong, and what Relight does about it by itself. */
export interface FailurePolicy {
  /** The codes it is shown with; none where nobody is bothered. */
  readonly codes: readonly ErrorCode[];
  /** The waits before it is tried again, in the order in which they come into play. */
  readonly backoffs: readonly (keyof typeof BACKOFFS)[];
}

const HEALED = { codes: [], backoffs: [] } as const satisfies FailurePolicy;
const REMOTE = ['restoreInRecovery', 'restore'] as const;

/**
 * Every failure by its name, as tests and the table in docs/recovery.md name it. What the operator sees and what happens
 * next is said there; a test holds both equal.
 */
export const FAILURES = {
  'git address not public': { codes: ['git_address'], backoffs: [] },
  'git auth': { codes: ['git_auth'], backoffs: [] },
  'git host key': { codes: ['git_host_key'], backoffs: [] },
  'git 404': { codes: ['git_not_found', 'git_not_a_repository'], backoffs: [] },
  'git DNS': { codes: ['git_dns'], backoffs: REMOTE },
  'git time-out': { codes: ['git_unreachable', 'restore_timeout'], backoffs: REMOTE },
  'git host fails': { codes: ['git_server', 'git_credential'], backoffs: REMOTE },
  'git host limits requests': { codes: ['git_rate_limited'], backoffs: REMOTE },
  'disk full': { codes: ['disk_full'], backoffs: REMOTE },
  'corrupt clone': { codes: ['git_failed'], backoffs: REMOTE },
  'left-over locks': HEALED,
  'missing branch': { codes: ['missing_base'], backoffs: [] },
  'moved branch': HEALED,
  'branch name in the way': { codes: ['git_ref_conflict'], backoffs: [] },
  'credential not set': { codes: ['unknown_credential'], backoffs: [] },
  'credential unusable': { codes: ['unusable_credential'], backoffs: [] },
  'set-up failed': { codes: ['setup_failed'], backoffs: ['restore'] },
  'no agent command': { codes: ['no_agent_command'], backoffs: [] },
  'agent not spawned': { codes: ['agent_spawn_failed'], backoffs: ['agentStart'] },
  'agent exits at once': { codes: ['agent_exited'], backoffs: ['attempt'] },
  'agent hangs': { codes: ['agent_silent'], backoffs: [] },
  'agent without heartbeat': HEALED,
  'beads fail all over the town': { codes: ['beads_failing'], backoffs: [] },
  'Worker and image of different releases': { codes: ['contract_unsupported'], backoffs: [] },
  'control server unreachable': { codes: ['control_unreachable'], backoffs: ['controlCall', 'restore'] },
  'control server wedged': { codes: ['control_wedged'], backoffs: ['containerDied'] },
  'container dies': { codes: [], backoffs: ['containerDied'] },
  'container crash loop': { codes: ['container_crash_loop'], backoffs: ['containerDied'] },
  'no container instance available': { codes: ['container_unavailable'], backoffs: ['containerStart'] },
  'boot without a recovery': { codes: ['workflow_failed'], backoffs: ['launch'] },
  'workflow engine error': { codes: ['workflow_failed'], backoffs: ['launch'] },
  'event lost': HEALED,
  'Worker redeployed in mid-recovery': HEALED,
  'Durable Object reset': { codes: [], backoffs: ['objectCall'] },
  'message of an earlier boot': { codes: ['stale_generation'], backoffs: [] },
} as const satisfies Record<string, FailurePolicy>;

/** The name of a failure. */
export type FailureName = keyof typeof FAILURES;
