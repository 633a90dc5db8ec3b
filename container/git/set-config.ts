import pRetry, { AbortError } from 'p-retry';
import { GitFailure } from './errors.ts';
import type { Git } from './run-git.ts';

/** Exit code of `git config --unset` where there is nothing to unset. */
const NOTHING_TO_UNSET = 5;

/**
 * Sets a value in a repository's own configuration, or takes it away. Agents may be writing the same file: git's lock on
 * it is waited for, a second at most.
 */
export async function setConfig(git: Git, repo: string, key: string, value: string | null): Promise<void> {
  const change = value === null ? ['--unset-all', key] : ['--replace-all', key, value];
  await pRetry(
    async () => {
      try {
        await git.run(repo, ['config', '--local', ...change]);
      } catch (error) {
        if (value === null && error instanceof GitFailure && error.exitCode === NOTHING_TO_UNSET) return;
        const locked = error instanceof GitFailure && error.output.includes('could not lock config file');
        throw locked || !(error instanceof Error) ? error : new AbortError(error);
      }
    },
    { retries: 6, minTimeout: 50, factor: 1.5, randomize: true },
  );
}
