import type { WorkflowStepConfig } from 'cloudflare:workers';

/** How often and how soon each kind of step is tried again, and how long it may take. */

/** Steps that ask a Durable Object: it is there or back within seconds. */
export const OBJECT_CALL = {
  retries: { limit: 6, delay: 250, backoff: 'exponential' },
  timeout: '30 seconds',
} as const satisfies WorkflowStepConfig;

/** Steps that ask the control server: it answers at once, or the container is on its way down. */
export const CONTROL_CALL = {
  retries: { limit: 5, delay: 500, backoff: 'exponential' },
  timeout: '30 seconds',
} as const satisfies WorkflowStepConfig;

/** A report that has not come by then is asked about; the restore itself goes on. */
export const REPORT_WAIT = '60 seconds';

/** Waits for one rig, after which the recovery gives it up: the restore had an hour. */
export const MAX_WAITS = 60;

/** Pauses before a rig whose restore failed for a reason that may pass is restored again, in milliseconds. */
export const RESTORE_PAUSES_MS = [2_000, 10_000, 30_000] as const;
