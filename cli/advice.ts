import type { ErrorCode, Problem } from '../src/contract/errors.ts';

/** What to do about a refusal, where there is more to say than that it may pass. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  unauthorized: 'set RELIGHT_TOKEN to the operator token',
  unknown_town: 'relight town ls lists the towns, relight town put makes one',
  unknown_rig: 'relight rig ls lists the rigs of a town, relight rig put registers one',
  unknown_agent: 'relight agent ls lists the agents, relight agent put adds one',
  unknown_recovery: 'relight recovery ls lists the recoveries',
  agent_busy: 'relight unsling takes its bead from it',
  branch_taken: 'choose another with --branch',
  no_hook: 'relight sling gives it one',
  container_not_running: 'relight town start starts it',
  no_agent_command: 'set --agent-command on the agent, the rig or the town',
  unknown_secret: 'set it with wrangler secret put',
  unknown_credential: 'set it with wrangler secret put',
};

/** What the operator can do about it; null where nothing is known to help. */
export function adviceFor({ code, retryable }: Pick<Problem, 'code' | 'retryable'>): string | null {
  return ADVICE[code] ?? (retryable ? 'it may pass, so try again' : null);
}
