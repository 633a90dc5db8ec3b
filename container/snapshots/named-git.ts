import pRetry from 'p-retry';
import { GitFailure } from '../git/errors.ts';
import type { Git, GitCommand } from '../git/run-git.ts';

/**
 * What git says of every worktree while `git worktree add` makes another one: for a moment that one's HEAD is a commit
 * of zeros.
 */
const HALF_MADE_NEIGHBOUR = /bad object worktrees\//;
const NEIGHBOUR_RETRIES = { retries: 8, minTimeout: 50, factor: 1.5, randomize: true };

/**
 * Runs git with the git folder named, and the worktree where one is needed: nothing is discovered, so that neither a
 * parent folder's repository nor the owner of a folder (safe.directory) matters. A worktree that is just being made
 * beside it is waited for. Failures are told by the command's own name.
 */
export async function runNamed(
  git: Git,
  { gitDir, workTree }: { gitDir: string; workTree?: string },
  args: readonly string[],
  command: GitCommand = {},
): Promise<string> {
  const named = [`--git-dir=${gitDir}`, ...(workTree === undefined ? [] : [`--work-tree=${workTree}`])];
  const words = [...named, '-c', 'core.quotePath=true', ...args];
  const shouldRetry = ({ error }: { error: Error }): boolean =>
    error instanceof GitFailure && HALF_MADE_NEIGHBOUR.test(error.output);
  try {
    return await pRetry(async () => await git.run(workTree ?? gitDir, words, command), {
      ...NEIGHBOUR_RETRIES,
      shouldRetry,
    });
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    const { code, message, exitCode, output } = error;
    const reason = message.replace(/^git --git-dir=.*?: /, `git ${args[0] ?? ''}: `);
    throw new GitFailure(code, reason, { exitCode, output });
  }
}
