import { cloudflareTest } from '@cloudflare/vitest-pool-workers';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { ClosingLine } from './test/setup/closing-line.ts';
import { LongestFirst } from './test/setup/longest-first.ts';
import { quietWorkerd } from './test/setup/quiet-workerd.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** What the Worker is tested with; in the environment too, where wrangler looks for required secrets. */
const SECRETS = { RELIGHT_ADMIN_TOKEN: 'operator-token', CONTAINER_TOKEN_KEY: 'container-token-key' };
for (const [name, value] of Object.entries(SECRETS)) process.env[name] ??= value;

quietWorkerd();

export default defineConfig({
  test: {
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // Only what failed may speak.
    silent: 'passed-only',
    reporters: ['dot', new ClosingLine()],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          // Each file has a process of its own, which ends before it would be worth while to optimize what runs in it.
          execArgv: ['--no-opt', '--no-maglev', '--max-lazy'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: at('./wrangler.toml') },
            miniflare: {
              bindings: {
                ...SECRETS,
                GIT_CREDENTIAL_HOST: 'git-secret',
                AGENT_SECRET_ACME: 'sk-0123456789',
              },
              r2Buckets: ['REPO_CACHE'],
            },
          }),
        ],
        // The pool has no containers, and the real class refuses to be made without one.
        resolve: { alias: { '@cloudflare/containers': at('./test/workers/fake-container.ts') } },
        test: {
          name: 'workers',
          include: ['test/workers/**/*.test.ts'],
          setupFiles: ['test/workers/quiet-end.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          globalSetup: ['test/browser/have-chromium.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
