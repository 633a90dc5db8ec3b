/** A boot that lived this long after its recovery was healthy: the count of deaths starts from zero again. */
export const HEALTHY_BOOT_MS = 10_000;

/** While agents are hooked and the container runs, the Town looks this often: the platform may not tell of an end. */
export const WATCH_INTERVAL_MS = 10_000;

/** While a recovery runs, the Town looks this often. */
export const RECOVERY_WATCH_MS = 5_000;

/** A recovery without progress for this long is nudged, so that an engine that forgot it goes on. */
export const RECOVERY_SILENCE_MS = 10_000;

/** A container start that has not ended by then is tried again. */
export const START_DEADLINE_MS = 60_000;

const DEATH_BACKOFF_BASE_MS = 500;
const DEATH_BACKOFF_MAX_MS = 600_000;

/** Milliseconds to wait before the container is started again after its `deaths`-th unhealthy end in a row. */
export function deathBackoffMs(deaths: number): number {
  if (deaths <= 1) return 0;
  return Math.min(DEATH_BACKOFF_MAX_MS, DEATH_BACKOFF_BASE_MS * 2 ** (deaths - 2));
}

/** The count of deaths after a boot ended: one more, or 1 if it had been healthy before. */
export function countDeath(deaths: number, recoveredAt: number | null, now: number): number {
  const healthy = recoveredAt !== null && now - recoveredAt >= HEALTHY_BOOT_MS;
  return healthy ? 1 : deaths + 1;
}

/** What the watchdog knows; `container.bootId` is null when a running container does not answer. */
export interface WatchView {
  readonly container: { readonly running: boolean; readonly bootId: string | null };
  readonly currentBoot: { readonly bootId: string; readonly ended: boolean } | null;
  readonly recovery: { readonly recoveryId: string; readonly progressAt: number } | null;
  readonly wanted: boolean;
  readonly startingSince: number | null;
  readonly nextStartAt: number | null;
}

/** What the watchdog does now, and when it looks again; `nextAt` null means not before something happens. */
export interface WatchPlan {
  readonly markEnded: boolean;
  readonly act: 'start' | 'launch' | 'nudge' | 'none';
  readonly nextAt: number | null;
}

/** Decides what a Town's alarm does. Safe to call at any time, any number of times. */
export function planWatch(view: WatchView, now: number): WatchPlan {
  const { container, currentBoot, recovery } = view;
  const livesOn = currentBoot !== null && !currentBoot.ended;
  if (!container.running) return planDark(view, livesOn, now);
  if (container.bootId === null) return { markEnded: false, act: 'none', nextAt: now + RECOVERY_WATCH_MS };
  if (currentBoot?.bootId !== container.bootId || currentBoot.ended) {
    return { markEnded: livesOn, act: 'launch', nextAt: now + RECOVERY_WATCH_MS };
  }
  if (recovery !== null) {
    const silent = now - recovery.progressAt >= RECOVERY_SILENCE_MS;
    return { markEnded: false, act: silent ? 'nudge' : 'none', nextAt: now + RECOVERY_WATCH_MS };
  }
  return { markEnded: false, act: 'none', nextAt: now + WATCH_INTERVAL_MS };
}

function planDark(view: WatchView, livesOn: boolean, now: number): WatchPlan {
  if (livesOn) return { markEnded: true, act: 'none', nextAt: now };
  if (!view.wanted) return { markEnded: false, act: 'none', nextAt: null };
  const startAt = Math.max(
    view.nextStartAt ?? 0,
    view.startingSince === null ? 0 : view.startingSince + START_DEADLINE_MS,
  );
  if (startAt > now) return { markEnded: false, act: 'none', nextAt: startAt };
  // Soon, because the start may have been missed by everybody who launches its recovery.
  return { markEnded: false, act: 'start', nextAt: now + RECOVERY_WATCH_MS };
}
