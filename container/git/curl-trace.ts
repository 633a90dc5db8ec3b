import { retryAfterMs } from '../../src/contract/backoff.ts';

/**
 * Has git tell the headers of what it sends and receives: it names no `Retry-After` otherwise. Bodies are left out, and
 * git blanks credentials and cookies (https://git-scm.com/docs/git, GIT_TRACE_CURL). The trace comes on standard error
 * and ends in this process: {@link withoutTrace} takes it out before anything else reads what git said.
 */
export const CURL_TRACE = {
  GIT_TRACE_CURL: '1',
  GIT_TRACE_CURL_NO_DATA: '1',
  GIT_TRACE_REDACT: '1',
} as const;

/** A line of any of git's traces: the time, the place in git's source, and what happened there. */
const TRACE_LINE = /\d\d:\d\d:\d\d\.\d{6} [\w./-]+\.c:\d+ [^\n]*(?:\n|$)/g;

const STATUS = /<= Recv header: HTTP\/[\d.]+ (\d{3})/g;
const LOCATION = /<= Recv header: location: *([^\r\n]*)/gi;
const RETRY_AFTER = /<= Recv header: retry-after: *([^\r\n]*)/gi;

/** What git said, without its traces. */
export function withoutTrace(text: string): string {
  return text.replaceAll(TRACE_LINE, '');
}

/** What the last answer asked to wait, in milliseconds, if it was 429 or 503; null where it said nothing. */
export function retryAfterIn(trace: string, now: number): number | null {
  const last = [...trace.matchAll(STATUS)].at(-1);
  if (last?.[1] !== '429' && last?.[1] !== '503') return null;
  const header = [...trace.slice(last.index).matchAll(RETRY_AFTER)].at(-1)?.[1] ?? null;
  return retryAfterMs(header, now);
}

/** Where the last answer leads to, as it says it, if it was a redirect (RFC 9110, 15.4); null where it said nothing. */
export function redirectIn(trace: string): string | null {
  const last = [...trace.matchAll(STATUS)].at(-1);
  if (last?.[1] === undefined || !/^30[12378]$/.test(last[1])) return null;
  return [...trace.slice(last.index).matchAll(LOCATION)].at(-1)?.[1] ?? null;
}
