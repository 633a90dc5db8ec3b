import { RelightError } from '../../src/contract/errors.ts';
import { agentEmail } from '../agent-email.ts';
import { unfinishedOperation } from './inspect-worktree.ts';
import { repoDir } from './layout.ts';
import type { Git } from './run-git.ts';
import { adminNamedBy } from './worktree-registry.ts';

/**
 * Commits everything that is not committed in an agent's worktree, in the agent's name and without hooks. A clean
 * worktree stays as it is. Throws RelightError `uncommitted` in the middle of a merge, rebase and the like, where a
 * commit would say more than is known.
 */
export async function commitAll(
  git: Git,
  { rig, agent, dir, message }: { rig: string; agent: string; dir: string; message: string },
): Promise<void> {
  if ((await git.run(dir, ['--no-optional-locks', 'status', '--porcelain'])) === '') return;
  const admin = await adminNamedBy(repoDir(git.workspace, rig), dir);
  const operation = admin === null ? 'something' : unfinishedOperation(admin);
  if (operation !== null) throw new RelightError('uncommitted', `${operation} is unfinished: end it first`);
  await git.run(dir, ['add', '--all']);
  const who = ['-c', `user.name=${agent}`, '-c', `user.email=${agentEmail({ rig, agent })}`];
  await git.run(dir, [...who, 'commit', '--no-verify', '--quiet', '--message', message]);
}
