import { setTimeout as delay } from 'node:timers/promises';
import { ZodError } from 'zod';
import { RefusedError } from '../../../dev/client.ts';

const AGAIN_MS = 200;
const LONGEST_MS = 60_000;

/** Asks until there is an answer: the Worker may be on its way back. A refusal that will stay is thrown at once. */
export async function patiently<Found>(ask: () => Promise<Found>): Promise<Found> {
  const deadline = Date.now() + LONGEST_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error) || Date.now() > deadline) throw error;
      await delay(AGAIN_MS);
    }
  }
}

/** Whether an error of the operator API's client says no more than that the Worker cannot be asked now. */
export function isPassing(error: unknown): boolean {
  if (error instanceof RefusedError) return error.problem.status >= 500 || error.problem.retryable;
  // A connection that broke, and what wrangler says itself while the Worker is away.
  return error instanceof TypeError || error instanceof SyntaxError || error instanceof ZodError;
}
