import type { Problem } from '../src/contract/errors.ts';
import { adviceFor } from './advice.ts';

/** Exit codes, also in the help; those that `gt` has too mean the same. The last is EX_UNAVAILABLE of sysexits(3). */
export const EXIT = { ok: 0, failed: 1, usage: 2, partial: 3, away: 69 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A failure that is told in one sentence; its message is that sentence. */
export class Failure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** The command was written wrongly. */
export class UsageError extends Failure {
  constructor(message: string) {
    super(EXIT.usage, `${message} (usage)`);
  }
}

/** Nobody answers at the address, or something that is not Relight. */
export class AwayError extends Failure {
  constructor(message: string, options?: ErrorOptions) {
    super(EXIT.away, `${message} (unreachable); check --url or RELIGHT_URL`, options);
  }
}

/** What Relight refused; `text` is its answer as it came. */
export class RefusedError extends Failure {
  readonly problem: Problem;
  readonly text: string;

  constructor(problem: Problem, text: string) {
    const advice = adviceFor(problem);
    const detail = problem.detail.replaceAll(/\s*\n\s*/g, ' ').replace(/^✖ /, '');
    super(EXIT.failed, `${detail} (${problem.code})${advice === null ? '' : `; ${advice}`}`);
    this.problem = problem;
    this.text = text;
  }
}
