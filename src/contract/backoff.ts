/** A window that doubles with every try in a row, in milliseconds. */
export interface Window {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * Full jitter: any wait from nothing to the whole window of the `tries`-th failure in a row (1 is the first), so that
 * those who were refused together do not come back together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). `random` is from 0 to 1.
 */
export function fullJitterMs({ firstMs, maxMs }: Window, tries: number, random: number): number {
  return Math.round(Math.min(maxMs, firstMs * 2 ** (Math.max(1, tries) - 1)) * random);
}

/**
 * A number from 0 to 1 that looks like chance, and is the same whenever it is asked for with the same text: for code that
 * is run again, as a Workflow's is, and must decide the same (FNV-1a and the last mixing of MurmurHash3).
 */
export function chanceOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const unit of new TextEncoder().encode(text)) hash = Math.imul(hash ^ unit, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** What a `Retry-After` header asks for, seconds or a date (RFC 9110, 10.2.3), in milliseconds from `now`; null for nothing. */
export function retryAfterMs(header: string | null, now: number): number | null {
  const text = header?.trim() ?? '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}
