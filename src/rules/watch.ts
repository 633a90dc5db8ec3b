import { endlessWaitMs, longestWaitMs } from './backoff.ts';
import { dueAt, elapsedMs } from './clock.ts';
import { BACKOFFS } from './failure-policy.ts';

/** A boot that lived this long after its recovery was healthy: the count of deaths starts from zero again. */
export const HEALTHY_BOOT_MS = 10_000;

/** While agents are hooked and the container runs, the Town looks this often: the platform may not tell of an end. */
export const WATCH_INTERVAL_MS = 10_000;

/** While a recovery runs, the Town looks this often. */
export const RECOVERY_WATCH_MS = 5_000;

/** A recovery without progress for this long is nudged, so that an engine that forgot it goes on. */
export const RECOVERY_SILENCE_MS = 10_000;

/** A recovery that was nudged and stands still is nudged again after this time: its engine may have forgotten it again. */
export const NUDGE_AGAIN_MS = 60_000;

/** A recovery whose engine fails is started over this often; then it is closed as failed. */
export const MAX_RECOVERY_RESTARTS = 3;

/** This many unhealthy ends in a row make a crash loop that the operator is told of. */
export const CRASH_LOOP_DEATHS = 4;

/** A running container that has not answered this many health checks in a row is wedged. */
export const WEDGED_CHECKS = 3;

/** A wedged container that does not come round for this long is ended and started again. */
export const WEDGE_GRACE_MS = 60_000;

/** At most this many wedged containers are ended … */
export const MAX_WEDGE_RESTARTS = 3;

/** … in this time: a fault that restarts do not mend is shown instead. */
export const WEDGE_WINDOW_MS = 1_800_000;

/** No container waits longer than this for its next start. */
const LONGEST_START_WAIT_MS = Math.max(
  ...[BACKOFFS.containerDied, BACKOFFS.containerStart].map(longestWaitMs),
);

/** The last nudge of a recovery. */
export interface Nudge {
  readonly recoveryId: string;
  readonly at: number;
}

/** Whether a nudge says something new to a recovery that stands still: an engine keeps each one that nobody waits for. */
export function isNudgeNews(
  { recoveryId, progressAt }: { readonly recoveryId: string; readonly progressAt: number },
  last: Nudge | null,
  now: number,
): boolean {
  if (last === null || last.recoveryId !== recoveryId || last.at < progressAt) return true;
  return elapsedMs(last.at, now) >= NUDGE_AGAIN_MS;
}

/** Milliseconds to wait before the container is started again after its `deaths`-th unhealthy end in a row. */
export function deathBackoffMs(deaths: number): number {
  return deaths === 0 ? 0 : endlessWaitMs(BACKOFFS.containerDied, deaths);
}

/** Health checks in a row that got no answer; `wedgedAt` is when they became too many. */
export interface Silence {
  readonly failedChecks: number;
  readonly wedgedAt: number | null;
}

/** The silence after one more health check of a running container. */
export function noteCheck({ failedChecks, wedgedAt }: Silence, answered: boolean, now: number): Silence {
  if (answered) return { failedChecks: 0, wedgedAt: null };
  const failed = failedChecks + 1;
  return { failedChecks: failed, wedgedAt: wedgedAt ?? (failed >= WEDGED_CHECKS ? now : null) };
}

/** When a wedged container is ended: after its grace, and not more often than allowed. `restarts` are earlier ones. */
export function wedgeRestartAt(wedgedAt: number, restarts: readonly number[], now: number): number {
  const first = recentWedges(restarts, now)
    .toSorted((a, b) => a - b)
    .at(-MAX_WEDGE_RESTARTS);
  const graceEndsAt = dueAt(wedgedAt + WEDGE_GRACE_MS, WEDGE_GRACE_MS, now);
  return Math.max(graceEndsAt, first === undefined ? 0 : first + WEDGE_WINDOW_MS);
}

/** The ends of wedged containers that still count. */
export function recentWedges(restarts: readonly number[], now: number): number[] {
  return restarts.filter((at) => elapsedMs(at, now) < WEDGE_WINDOW_MS);
}

/** The count of deaths after a boot ended: one more, or 1 if it had been healthy before. */
export function countDeath(deaths: number, recoveredAt: number | null, now: number): number {
  const healthy = recoveredAt !== null && elapsedMs(recoveredAt, now) >= HEALTHY_BOOT_MS;
  return healthy ? 1 : deaths + 1;
}

/**
 * What the watchdog knows; `container.bootId` is null when a running container does not answer. A start that was under way
 * when its object was reset is none any more.
 */
export interface WatchView {
  readonly container: {
    readonly running: boolean;
    readonly starting: boolean;
    readonly bootId: string | null;
  };
  readonly currentBoot: { readonly bootId: string; readonly ended: boolean } | null;
  readonly recovery: { readonly recoveryId: string; readonly progressAt: number } | null;
  readonly wanted: boolean;
  readonly nextStartAt: number | null;
  readonly nextLaunchAt: number | null;
  readonly wedgedAt: number | null;
  readonly wedgeRestarts: readonly number[];
}

/** What the watchdog does now, and when it looks again; `nextAt` null means not before something happens. */
export interface WatchPlan {
  readonly markEnded: boolean;
  readonly act: 'start' | 'restart' | 'launch' | 'nudge' | 'none';
  readonly nextAt: number | null;
}

/** Decides what a Town's alarm does. Safe to call at any time, any number of times. */
export function planWatch(view: WatchView, now: number): WatchPlan {
  const { container, currentBoot, recovery } = view;
  const livesOn = currentBoot !== null && !currentBoot.ended;
  if (!container.running) return planDark(view, livesOn, now);
  if (container.bootId === null) return planSilent(view, now);
  // Its messages are refused, so nothing that it does counts any more.
  if (currentBoot?.bootId === container.bootId && currentBoot.ended) {
    return { markEnded: false, act: 'restart', nextAt: now + RECOVERY_WATCH_MS };
  }
  if (currentBoot?.bootId !== container.bootId) {
    const isDue = livesOn || dueAt(view.nextLaunchAt ?? 0, longestWaitMs(BACKOFFS.launch), now) <= now;
    return { markEnded: livesOn, act: isDue ? 'launch' : 'none', nextAt: now + RECOVERY_WATCH_MS };
  }
  if (recovery !== null) {
    const silent = elapsedMs(recovery.progressAt, now) >= RECOVERY_SILENCE_MS;
    return { markEnded: false, act: silent ? 'nudge' : 'none', nextAt: now + RECOVERY_WATCH_MS };
  }
  return { markEnded: false, act: 'none', nextAt: now + WATCH_INTERVAL_MS };
}

function planSilent({ wedgedAt, wedgeRestarts }: WatchView, now: number): WatchPlan {
  const isDue = wedgedAt !== null && wedgeRestartAt(wedgedAt, wedgeRestarts, now) <= now;
  return { markEnded: isDue, act: isDue ? 'restart' : 'none', nextAt: now + RECOVERY_WATCH_MS };
}

function planDark(view: WatchView, livesOn: boolean, now: number): WatchPlan {
  if (livesOn) return { markEnded: true, act: 'none', nextAt: now };
  if (!view.wanted) return { markEnded: false, act: 'none', nextAt: null };
  if (view.container.starting) return { markEnded: false, act: 'none', nextAt: now + RECOVERY_WATCH_MS };
  const startAt = dueAt(view.nextStartAt ?? 0, LONGEST_START_WAIT_MS, now);
  if (startAt > now) return { markEnded: false, act: 'none', nextAt: startAt };
  // Soon, because the start may have been missed by everybody who launches its recovery.
  return { markEnded: false, act: 'start', nextAt: now + RECOVERY_WATCH_MS };
}
