/**
 * When something that waits until a stored time is due, in epoch milliseconds: then, or `now` where that is further away
 * than anything waits. Such a time was stored by a clock that has been put back since; how long it still was, nobody knows.
 */
export function dueAt(until: number, longestMs: number, now: number): number {
  return until - now > longestMs ? now : until;
}

/** Milliseconds since a stored time; Infinity for one that has yet to come, which a clock that was put back has stored. */
export function elapsedMs(since: number, now: number): number {
  return since > now ? Number.POSITIVE_INFINITY : now - since;
}
