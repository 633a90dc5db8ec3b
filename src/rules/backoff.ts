/**
 * How long to wait between tries: as listed, then the last wait doubled each time up to `upToMs`; null ends the tries
 * after the listed ones. `jitter` is the share of a wait, 0 to 1, that chance may take off it.
 */
export interface Backoff {
  readonly waitsMs: readonly number[];
  readonly upToMs: number | null;
  readonly jitter: number;
}

/**
 * Milliseconds to wait after the `tries`-th failure in a row (1 is the first), null where nothing is tried any more.
 * `random` is from 0 to 1, and matters only where there is jitter.
 */
export function waitMs({ waitsMs, upToMs, jitter }: Backoff, tries: number, random = 0): number | null {
  const listed = waitsMs[Math.max(1, tries) - 1];
  if (listed === undefined && upToMs === null) return null;
  const doubled = (waitsMs.at(-1) ?? 0) * 2 ** Math.max(0, tries - waitsMs.length);
  return Math.round((listed ?? Math.min(upToMs ?? 0, doubled)) * (1 - jitter * random));
}

/** The same for a back-off that never ends. */
export function endlessWaitMs(
  backoff: Backoff & { readonly upToMs: number },
  tries: number,
  random = 0,
): number {
  return waitMs(backoff, tries, random) ?? backoff.upToMs;
}

/** The longest wait of a back-off, in milliseconds. */
export function longestWaitMs({ waitsMs, upToMs }: Backoff): number {
  return Math.max(upToMs ?? 0, ...waitsMs);
}
