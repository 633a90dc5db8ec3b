import type { ErrorCode } from '../../src/contract/errors.ts';

const NOT_YOURS = 'The bead is off your hook: it is finished or was taken back. Stop working on it and end.';
const OPERATOR =
  'You cannot mend this, an operator can. Save a checkpoint that says so, and end with a failure that says so.';
const TAKEN_OVER = 'A newer container has taken over. End now: it goes on from your last checkpoint.';

/** What an agent can do about a refusal. A code that is not here is told by whether it may pass. */
const NEXT_STEPS: Readonly<Record<string, string>> = {
  invalid_request:
    'Mend what is named and call again. If shell quoting is in the way: gt checkpoint reads standard input with - and a file with @file.',
  too_large:
    'Save less: what is done, what comes next, what was tried. Long text belongs into a file that you commit.',
  uncommitted:
    'Commit what belongs to the bead (git add, git commit), delete or ignore the rest, call done again. ' +
    'If the work has to stop here as it is: done with wip.',
  not_pushed:
    'Push your branch (git push origin HEAD), call done again. ' +
    'If the remote has commits that you do not have: git fetch origin, merge them, push. Never force.',
  draining: 'The container is about to stop. Commit and push now; you will be started again.',
  disk_full: 'Delete build output and caches that can be made again, then call again.',
  bead_not_hooked: NOT_YOURS,
  no_hook: NOT_YOURS,
  unknown_agent: NOT_YOURS,
  unknown_rig: NOT_YOURS,
  stale_generation: TAKEN_OVER,
  stale_boot: TAKEN_OVER,
  git_auth: OPERATOR,
  git_not_found: OPERATOR,
  git_not_a_repository: OPERATOR,
  unknown_credential: OPERATOR,
} satisfies Partial<Record<ErrorCode, string>>;

const MAY_PASS = 'This may pass. Commit, go on or wait a minute, and call again.';
const FINAL =
  'Calling again will not help. Save a checkpoint that says so, and end with a failure that says so.';

/** What an agent can do when nobody listens on the socket. */
export const WHEN_AWAY =
  'The container may be about to stop. Commit what you have, wait a minute, and call again: a call may be repeated.';

/** What an agent can do about a refusal with this code, as one line. */
export function nextStep(code: string, retryable: boolean): string {
  const known = Object.hasOwn(NEXT_STEPS, code) ? NEXT_STEPS[code] : undefined;
  return known ?? (retryable ? MAY_PASS : FINAL);
}
