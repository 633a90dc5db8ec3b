import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** The tests on the real image: those that are about Docker, and the end-to-end tests that leave its disk alone. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '../..'),
    include: ['test/docker/*.test.ts', 'test/e2e/{recovery,failures,sleep}.test.ts'],
    testTimeout: 300_000,
    // The first world waits for the image.
    hookTimeout: 1_200_000,
    maxWorkers: 1,
    silent: 'passed-only',
  },
});
