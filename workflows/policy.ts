import type { WorkflowStepConfig } from 'cloudflare:workers';
import { waitMs } from '../src/rules/backoff.ts';
import type { Backoff } from '../src/rules/backoff.ts';
import { BACKOFFS } from '../src/rules/failure-policy.ts';

/** How often and how soon each kind of step is tried again, and how long it may take. */

/** Steps that ask a Durable Object. */
export const OBJECT_CALL = stepConfig(BACKOFFS.objectCall);

/** Steps that ask the control server. */
export const CONTROL_CALL = stepConfig(BACKOFFS.controlCall);

/** A report that has not come by then is asked about; the restore itself goes on. */
export const REPORT_WAIT = '60 seconds';

/** Waits for one rig, after which the recovery gives it up: the restore had an hour. */
export const MAX_WAITS = 60;

/** Milliseconds before a rig whose restore failed `failures` times is restored again; null when it is given up. `random` is from 0 to 1. */
export function restorePauseMs(failures: number, random = 0): number | null {
  return waitMs(BACKOFFS.restoreInRecovery, failures, random);
}

/** The engine doubles by itself, as the listed waits do. */
function stepConfig({ waitsMs }: Backoff) {
  return {
    retries: { limit: waitsMs.length, delay: waitsMs[0] ?? 0, backoff: 'exponential' },
    timeout: '30 seconds',
  } as const satisfies WorkflowStepConfig;
}
