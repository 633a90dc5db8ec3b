import { z } from 'zod';

interface CodeFacts {
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 422 | 429 | 500 | 502 | 503 | 504;
  readonly retryable: boolean;
  readonly title: string;
}

/** Every way in which Relight can refuse or fail: its HTTP status and whether the same call may succeed later. */
export const ERROR_CODES = {
  invalid_request: { status: 400, retryable: false, title: 'The request is not valid' },
  unauthorized: { status: 401, retryable: false, title: 'A valid bearer token is needed' },
  root_only: { status: 403, retryable: false, title: 'Only the root token may do this' },
  unknown_operator: { status: 404, retryable: false, title: 'There is no such operator' },
  operator_exists: { status: 409, retryable: false, title: 'There is such an operator already' },
  cross_site: { status: 403, retryable: false, title: 'The form was sent from another site' },
  not_found: { status: 404, retryable: false, title: 'There is nothing at this address' },
  unknown_town: { status: 404, retryable: false, title: 'There is no such town' },
  unknown_rig: { status: 404, retryable: false, title: 'The town has no such rig' },
  unknown_agent: { status: 404, retryable: false, title: 'The rig has no such agent' },
  unknown_recovery: { status: 404, retryable: false, title: 'The town has no such recovery' },
  no_hook: { status: 409, retryable: false, title: 'The agent has no bead hooked' },
  town_exists: { status: 409, retryable: false, title: 'There is a town of this name' },
  agent_busy: { status: 409, retryable: false, title: 'The agent is hooked to another bead' },
  branch_taken: { status: 409, retryable: false, title: 'Another agent of the rig works on this branch' },
  bead_not_hooked: { status: 409, retryable: false, title: 'The bead is not hooked to this agent' },
  stale_generation: { status: 409, retryable: false, title: 'A later boot of the container has taken over' },
  stale_boot: { status: 409, retryable: false, title: 'The container has another boot id by now' },
  container_not_running: { status: 409, retryable: true, title: 'The container is not running' },
  draining: { status: 503, retryable: true, title: 'The container is shutting down' },
  not_pushed: { status: 409, retryable: true, title: 'The remote branch does not hold this commit' },
  uncommitted: { status: 409, retryable: false, title: 'Something in the worktree is not committed' },
  rate_limited: { status: 429, retryable: true, title: 'Too many requests' },
  too_large: { status: 413, retryable: false, title: 'The body is too large' },
  unsupported_media_type: { status: 415, retryable: false, title: 'The body must be application/json' },
  git_credential: { status: 502, retryable: true, title: 'The git host gives out no credential' },
  unknown_secret: { status: 422, retryable: false, title: 'The town names a secret that is not set' },
  unknown_credential: { status: 422, retryable: false, title: 'The rig names a credential that is not set' },
  unusable_credential: { status: 422, retryable: false, title: "The rig's credential cannot be used" },
  git_address: { status: 422, retryable: false, title: 'The git remote is not on the public internet' },
  git_auth: { status: 502, retryable: false, title: 'The git remote refused the credential' },
  git_host_key: { status: 502, retryable: false, title: 'The git host shows another key than expected' },
  git_not_found: { status: 502, retryable: false, title: 'The git remote has no such repository' },
  git_not_a_repository: {
    status: 502,
    retryable: false,
    title: 'The address does not answer as a git repository',
  },
  git_dns: { status: 502, retryable: true, title: "The git remote's name cannot be resolved" },
  git_unreachable: { status: 502, retryable: true, title: 'The git remote cannot be reached' },
  git_rate_limited: { status: 503, retryable: true, title: 'The git remote limits its requests' },
  git_server: { status: 502, retryable: true, title: 'The git remote failed' },
  git_ref_conflict: { status: 409, retryable: false, title: 'A branch name is in the way of another' },
  git_failed: { status: 500, retryable: true, title: 'A git command failed' },
  missing_base: { status: 409, retryable: false, title: 'The remote has no branch to start from' },
  unknown_snapshot: { status: 404, retryable: false, title: 'The agent has no such snapshot' },
  snapshot_corrupt: { status: 422, retryable: true, title: 'The snapshot is damaged' },
  snapshot_incomplete: {
    status: 409,
    retryable: false,
    title: 'The snapshot builds on commits that are not here',
  },
  snapshot_timeout: { status: 504, retryable: true, title: 'The snapshot took longer than its deadline' },
  snapshot_too_large: { status: 413, retryable: false, title: 'The snapshot is too large to be stored' },
  snapshot_stale: { status: 409, retryable: false, title: 'A later snapshot is stored already' },
  unknown_cache: { status: 404, retryable: false, title: 'The rig has no such repository cache' },
  cache_corrupt: { status: 422, retryable: true, title: 'The repository cache is damaged' },
  cache_too_large: { status: 413, retryable: false, title: 'The repository cache is too large to be stored' },
  cache_store: { status: 503, retryable: true, title: 'The store of repository caches cannot be reached' },
  snapshot_store: { status: 503, retryable: true, title: 'The snapshot store cannot be reached' },
  disk_full: { status: 503, retryable: true, title: "The container's disk is full" },
  setup_failed: { status: 500, retryable: true, title: "The rig's setup command failed" },
  agent_exited: { status: 500, retryable: true, title: 'The agent ended before its bead was done' },
  agent_silent: { status: 504, retryable: true, title: 'The agent runs, but does nothing that can be seen' },
  beads_failing: { status: 503, retryable: true, title: 'Too many beads of the town fail' },
  agent_spawn_failed: { status: 500, retryable: true, title: 'The agent could not be started' },
  no_agent_command: {
    status: 422,
    retryable: false,
    title: 'Neither agent, rig nor town has an agentCommand',
  },
  contract_unsupported: {
    status: 409,
    retryable: false,
    title: 'Worker and image are more than one release apart',
  },
  control_unreachable: { status: 503, retryable: true, title: 'The control server cannot be reached' },
  control_wedged: { status: 503, retryable: true, title: 'The control server runs, but does not answer' },
  container_unavailable: { status: 503, retryable: true, title: 'The container could not be started' },
  container_crash_loop: { status: 503, retryable: true, title: 'The container dies again and again' },
  workflow_failed: { status: 503, retryable: true, title: 'The recovery did not run to its end' },
  restore_timeout: { status: 504, retryable: true, title: 'The restore took longer than its deadline' },
  worker_unreachable: { status: 503, retryable: true, title: 'The Worker cannot be reached' },
  internal: { status: 500, retryable: true, title: 'Something went wrong inside Relight' },
} as const satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof ERROR_CODES;

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_CODES, code);

/** The codes as a schema, for reports and stored reasons. */
export const ErrorCode = z.enum(Object.keys(ERROR_CODES).filter(isErrorCode));

/** A code as it is read: one of another release that has more of them must not make its whole message unreadable. */
const AnyErrorCode = z.preprocess(
  (code) => (ErrorCode.safeParse(code).success ? code : 'internal'),
  ErrorCode,
);

/** A failure as it is stored and shown: what happened, in words for the operator, and whether it may pass. */
export const Fault = z.object({ code: AnyErrorCode, reason: z.string(), retryable: z.boolean() });
export type Fault = z.infer<typeof Fault>;

/** Problem details (RFC 9457) with Relight's two extension members `code` and `retryable`. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: AnyErrorCode,
  retryable: z.boolean(),
});
export type Problem = z.infer<typeof Problem>;

/** An expected failure. `code` survives Durable Object RPC as an own property; `reason` is for people. */
export class RelightError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'RelightError';
    this.code = code;
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
}

/** The code of an error, also of one that a Durable Object threw, which arrives as a plain Error; null where it has none. */
export function codeOf(error: unknown): ErrorCode | null {
  return error instanceof Error && 'code' in error ? (ErrorCode.safeParse(error.code).data ?? null) : null;
}

/** The error as problem details. */
export function problemOf(code: ErrorCode, detail: string): Problem {
  const { status, title, retryable } = ERROR_CODES[code];
  return { type: `urn:relight:${code}`, title, status, detail, code, retryable };
}

/** The error as a stored fault. */
export function faultOf(code: ErrorCode, reason: string): Fault {
  return { code, reason, retryable: ERROR_CODES[code].retryable };
}
