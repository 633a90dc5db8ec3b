import { afterAll } from 'vitest';

/**
 * Alarms and Workflows go on after the last test of a file, and what they log then would reach Vitest while it closes
 * its channel, which it takes for an error. So the console is still from then on.
 */
afterAll(() => {
  for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const) console[level] = () => undefined;
});
