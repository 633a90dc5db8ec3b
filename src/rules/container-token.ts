/**
 * Where a container's token comes from. One for a boot is short-lived; one for a start is what the container is started
 * with, and is exchanged for one for its boot; a token of the release before names neither.
 */
export interface TokenOrigin {
  readonly boot: string | null;
  readonly start: string | null;
}

/**
 * The newest start of a town's container. `bootId` is the boot that came of it, null until the Town has accepted one;
 * `spent` says that the boot has exchanged the start's token.
 */
export interface Start {
  readonly id: string;
  readonly bootId: string | null;
  readonly spent: boolean;
}

/** The start of a town whose container was never started: nobody has a token for it. */
export const NEVER_STARTED: Start = { id: '', bootId: null, spent: true };

/**
 * What becomes of a message of `bootId` that comes with a token: it is let pass; it is `stale`, and whoever sent it is to
 * end; or it is `foreign`, and its token is not for that boot. `start` is null where the container was started by the
 * release before: then, and only then, do that release's tokens hold.
 */
export function judgeToken(
  { boot, start: startId }: TokenOrigin,
  bootId: string,
  start: Start | null,
): 'pass' | 'stale' | 'foreign' {
  if (boot !== null) return boot === bootId ? 'pass' : 'foreign';
  if (startId === null) return start === null ? 'pass' : 'stale';
  if (startId !== start?.id) return 'stale';
  return start.spent || (start.bootId !== null && start.bootId !== bootId) ? 'foreign' : 'pass';
}

/** The start after a message of a token: from the first one of its boot on, its own token opens nothing any more. */
export function noteToken({ boot }: TokenOrigin, start: Start | null): Start | null {
  return boot !== null && start?.bootId === boot && !start.spent ? { ...start, spent: true } : start;
}

/** The start after the Town has accepted a boot: the one that runs. */
export function noteBoot(bootId: string, start: Start | null): Start | null {
  return start === null ? null : { ...start, bootId, spent: false };
}

/** The start to begin: one that no boot has come of is begun again, so that a slow container finds its token good. */
export function nextStart(start: Start | null, newId: string): Start {
  const isWaiting = start !== null && start.bootId === null && !start.spent;
  return isWaiting ? start : { id: newId, bootId: null, spent: false };
}
