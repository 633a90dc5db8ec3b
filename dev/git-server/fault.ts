import { Transform, type TransformCallback } from 'node:stream';
import type { GitRequest, GitService, GitStep } from './git-request.ts';

/**
 * A fault that a repository shows until it is set to null; it may be limited to one service or one step of it.
 *
 * - `status`: answers that HTTP status, with `headers`, and does nothing else;
 * - `page`: answers with this text, as something that is no git server would;
 * - `reset`: cuts the connection without an answer;
 * - `slowMs`: does all that was asked, after so many milliseconds;
 * - `hang`: takes the request and never answers; the connection is cut after `limitMs`, else `HANG_LIMIT_MS`, or when the
 *   server closes;
 * - `cutAfterBytes`: does all that was asked, but cuts the connection after so many bytes of the answer's body. With 0 on
 *   `git-receive-pack` and `transfer` a push succeeds and its client never hears of it.
 */
export type Fault = (
  | { status: number; headers?: Readonly<Record<string, string>> }
  | { page: string }
  | { reset: true }
  | { slowMs: number }
  | { hang: true; limitMs?: number }
  | { cutAfterBytes: number }
) & {
  service?: GitService;
  step?: GitStep;
};

/** The longest that a hanging request is held, in milliseconds. */
export const HANG_LIMIT_MS = 120_000;

/** Whether a fault is meant for a request. */
export function concerns(fault: Fault, request: Omit<GitRequest, 'at'>): boolean {
  return (
    (fault.service ?? request.service) === request.service && (fault.step ?? request.step) === request.step
  );
}

/** Passes so many bytes and swallows the rest, so that the writer can finish its work. */
export class ByteLimit extends Transform {
  #left: number;

  constructor(bytes: number) {
    super();
    this.#left = bytes;
  }

  override _transform(bytes: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const passed = bytes.subarray(0, this.#left);
    this.#left -= passed.length;
    done(null, passed);
  }
}
