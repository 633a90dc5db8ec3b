import { afterAll, beforeAll } from 'vitest';

/**
 * Alarms and Workflows go on after the last test of a file, and what they log then would reach Vitest while it closes
 * its channel, which it takes for an error. So the console is still from then on.
 */
const LEVELS = ['log', 'info', 'warn', 'error', 'debug'] as const;
const speaking = LEVELS.map((level) => [level, console[level]] as const);

beforeAll(() => {
  for (const [level, write] of speaking) console[level] = write;
});

afterAll(() => {
  for (const level of LEVELS) console[level] = () => undefined;
});
