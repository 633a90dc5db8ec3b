import { GitFailure } from '../git/errors.ts';
import type { Git, GitCommand } from '../git/run-git.ts';

/**
 * Runs git with the git folder named, and the worktree where one is needed: nothing is discovered, so that neither a
 * parent folder's repository nor the owner of a folder (safe.directory) matters. Failures are told by the command's
 * own name.
 */
export async function runNamed(
  git: Git,
  { gitDir, workTree }: { gitDir: string; workTree?: string },
  args: readonly string[],
  command: GitCommand = {},
): Promise<string> {
  const named = [`--git-dir=${gitDir}`, ...(workTree === undefined ? [] : [`--work-tree=${workTree}`])];
  try {
    return await git.run(workTree ?? gitDir, [...named, '-c', 'core.quotePath=true', ...args], command);
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    const { code, message, exitCode, output } = error;
    const reason = message.replace(/^git --git-dir=.*?: /, `git ${args[0] ?? ''}: `);
    throw new GitFailure(code, reason, { exitCode, output });
  }
}
