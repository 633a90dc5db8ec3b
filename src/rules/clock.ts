/** What was stored this much ahead of now is no sign of a jump: events that overlap see times a little apart. */
export const CLOCK_SLACK_MS = 5_000;

/**
 * When something that waits until a stored time is due, in epoch milliseconds: then, or `now` where that is further away
 * than anything waits. Such a time was stored by a clock that has been put back since; how long it still was, nobody knows.
 */
export function dueAt(until: number, longestMs: number, now: number): number {
  return until - now > longestMs + CLOCK_SLACK_MS ? now : until;
}

/** Milliseconds since a stored time; Infinity for one that has yet to come, which a clock that was put back has stored. */
export function elapsedMs(since: number, now: number): number {
  return since - now > CLOCK_SLACK_MS ? Number.POSITIVE_INFINITY : Math.max(0, now - since);
}
