import type { AgentStatus } from '../contract/agent.ts';
import type { Fault } from '../contract/errors.ts';
import type { RigState } from '../contract/rig.ts';
import { endlessWaitMs, longestWaitMs, waitMs } from './backoff.ts';
import { LONGEST_HOLD_MS } from './breaker.ts';
import { dueAt, elapsedMs } from './clock.ts';
import { BACKOFFS } from './failure-policy.ts';

/** Attempts of one bead after which its agent is `failed` until an operator resumes it. */
export const MAX_ATTEMPTS = BACKOFFS.attempt.waitsMs.length + 1;

/** An agent that ran this long was healthy: its attempts start from zero again. */
export const HEALTHY_RUN_MS = 600_000;

/** A start that no heartbeat has confirmed for this long is asked about. */
export const START_CONFIRM_MS = 15_000;

/** A working agent that no heartbeat has named for this long is stalled, and asked about. */
export const AGENT_SILENCE_MS = 90_000;

/** A restore without a report for this long is asked for again; asking is safe to repeat. */
export const RESTORE_SILENCE_MS = 120_000;

/** How often a Rig looks at its agents while any is hooked. */
export const PATROL_INTERVAL_MS = 30_000;

/** An agent that runs but has shown nothing of its work for this long hangs, or thinks very hard. */
export const AGENT_QUIET_MS = 1_800_000;

/** No agent waits longer than this for its next try, whatever went wrong, and no rig for its next restore. */
const LONGEST_WAIT_MS = Math.max(
  ...[BACKOFFS.restore, BACKOFFS.agentStart, BACKOFFS.attempt].map(longestWaitMs),
);

/** Milliseconds to wait after the `tries`-th failure in a row that was the infrastructure's. */
export function infraBackoffMs(tries: number): number {
  return endlessWaitMs(BACKOFFS.agentStart, tries);
}

/** Milliseconds before a rig whose restore failed for the `tries`-th time is restored again; `random` is from 0 to 1. */
export function restoreBackoffMs(tries: number, random = 0): number {
  return endlessWaitMs(BACKOFFS.restore, tries, random);
}

/** What the dispatcher needs to know of one agent. */
export interface DispatchAgent {
  readonly agent: string;
  readonly status: AgentStatus;
  readonly hookedAt: number | null;
  readonly readyGeneration: number;
  readonly notBefore: number | null;
  readonly startedAt: number | null;
  readonly lastSeenAt: number | null;
}

/** What the dispatcher needs to know of the rig; until `heldUntil` the town starts no agents. */
export interface DispatchRig {
  readonly generation: number;
  readonly bootId: string | null;
  readonly state: RigState;
  readonly fault: Fault | null;
  readonly restoringSince: number | null;
  readonly restoreNotBefore: number | null;
  readonly heldUntil: number | null;
}

/** What the alarm does now, and when it looks again; `nextAt` is null when there is nothing to look after. */
export interface DispatchPlan {
  readonly restore: readonly string[];
  readonly start: readonly string[];
  readonly askAbout: readonly string[];
  readonly nextAt: number | null;
}

/** Decides which agents get their worktree, which are started, oldest bead first, and which are asked about. */
export function planDispatch(rig: DispatchRig, agents: readonly DispatchAgent[], now: number): DispatchPlan {
  const hooked = agents
    .filter((agent) => agent.hookedAt !== null && agent.status !== 'idle' && agent.status !== 'failed')
    .toSorted((a, b) => (a.hookedAt ?? 0) - (b.hookedAt ?? 0));
  if (hooked.length === 0) return { restore: [], start: [], askAbout: [], nextAt: null };
  if (rig.bootId === null) return { restore: [], start: [], askAbout: [], nextAt: now + PATROL_INTERVAL_MS };

  const pending = hooked.filter((agent) => agent.status === 'pending');
  const notBefore = (agent: DispatchAgent): number => dueAt(agent.notBefore ?? 0, LONGEST_WAIT_MS, now);
  const due = pending.filter((agent) => notBefore(agent) <= now);
  const unready = due.filter((agent) => agent.readyGeneration !== rig.generation);
  const ready = due.filter((agent) => agent.readyGeneration === rig.generation);
  const mayRestoreAt = restoreAt(rig, now);
  const heldUntil = dueAt(rig.heldUntil ?? 0, LONGEST_HOLD_MS, now);
  const later = [
    now + PATROL_INTERVAL_MS,
    ...pending.map(notBefore),
    ...(unready.length > 0 ? [mayRestoreAt] : []),
    ...(ready.length > 0 ? [heldUntil] : []),
  ].filter((at) => at > now);
  return {
    restore: mayRestoreAt <= now ? unready.map(({ agent }) => agent) : [],
    start: heldUntil > now ? [] : ready.map(({ agent }) => agent),
    askAbout: hooked.filter((agent) => isSilent(agent, now)).map(({ agent }) => agent),
    nextAt: Math.min(...later),
  };
}

/** When the rig may be restored outside a recovery: not while one runs, never after a fault that will not pass. */
function restoreAt(rig: DispatchRig, now: number): number {
  if (rig.state === 'restoring')
    return dueAt((rig.restoringSince ?? 0) + RESTORE_SILENCE_MS, RESTORE_SILENCE_MS, now);
  if (rig.fault?.retryable === false) return Number.POSITIVE_INFINITY;
  return dueAt(rig.restoreNotBefore ?? 0, LONGEST_WAIT_MS, now);
}

function isSilent({ status, startedAt, lastSeenAt }: DispatchAgent, now: number): boolean {
  if (status === 'starting') return elapsedMs(startedAt ?? 0, now) >= START_CONFIRM_MS;
  // Not since its start, of which its container's clock has told.
  return (
    (status === 'working' || status === 'stalled') && elapsedMs(lastSeenAt ?? 0, now) >= AGENT_SILENCE_MS
  );
}

/** What becomes of an agent whose process ended by itself before its bead was done. */
export function planAfterExit(
  attempts: number,
  ranMs: number,
  now: number,
): { readonly status: 'pending' | 'failed'; readonly attempts: number; readonly notBefore: number | null } {
  const counted = (ranMs >= HEALTHY_RUN_MS ? 0 : attempts) + 1;
  const wait = waitMs(BACKOFFS.attempt, counted);
  if (wait === null) return { status: 'failed', attempts: counted, notBefore: null };
  return { status: 'pending', attempts: counted, notBefore: now + wait };
}
