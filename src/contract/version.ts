/**
 * Which messages Worker and control server speak; counts up with each release that changes any. Each side says it in every
 * call, and who says nothing speaks 1.
 */
export const CONTRACT_VERSION = 3;

/** The header that says it. */
export const CONTRACT_HEADER = 'relight-contract';

/**
 * The version that a header names; null where it is no number. Without a header it is 1.
 */
export function contractIn(header: string | undefined | null): number | null {
  if (header === undefined || header === null) return 1;
  return /^[1-9]\d{0,5}$/.test(header) ? Number(header) : null;
}

/**
 * Whether the two understand each other. A new Worker is there before its image, and is rolled back without it, so either
 * side may be one release ahead.
 */
export function isUnderstood(version: number | null): boolean {
  return version !== null && Math.abs(version - CONTRACT_VERSION) <= 1;
}
