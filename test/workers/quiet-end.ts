import { afterAll, beforeAll } from 'vitest';

const LEVELS = ['log', 'info', 'warn', 'error', 'debug'] as const;

type Console = Pick<typeof console, (typeof LEVELS)[number]>;

/** What the files of a worker have in common. */
const common = globalThis as { relightConsole?: { object: typeof console; methods: Console } };

/** Vitest makes a console for each file, and the log holds on to the first one. */
const { object, methods } = (common.relightConsole ??= { object: console, methods: { ...console } });

beforeAll(() => {
  Object.assign(globalThis, { console: Object.assign(object, methods) });
});

/**
 * Alarms and Workflows go on after the last test of a file, and what they log then would reach Vitest while it closes
 * its channel, which it takes for an error. So the console is still from then on.
 */
afterAll(() => {
  for (const level of LEVELS) object[level] = () => undefined;
});
