import { log } from '../log.ts';
import { discardWorktree } from './discard-worktree.ts';
import { inspectWorktree, isDisposable } from './inspect-worktree.ts';
import { repoDir, worktreeDir } from './layout.ts';
import { liveGitIn } from './live-git.ts';
import type { Git } from './run-git.ts';

/**
 * Removes an agent's worktree if nothing but ignored files would be lost, no git works in it, and it was made for `bead`,
 * where one is named. True if nothing is left in its place. Runs in the turn of the rig's restores.
 */
export async function removeIfDisposable(
  git: Git,
  rig: string,
  agent: string,
  bead: string | null,
): Promise<boolean> {
  const repo = repoDir(git.workspace, rig);
  const dir = worktreeDir(git.workspace, rig, agent);
  const found = await inspectWorktree(git, repo, { agent, dir });
  if (found.state === 'absent') return true;
  if (found.state !== 'ready' || (bead !== null && found.bead !== bead)) return false;
  if ((await liveGitIn(dir)) === true || !(await isDisposable(git, dir, found.admin))) return false;
  await discardWorktree(repo, { agent, dir, admin: found.admin });
  log.info('worktree.removed', { rig, agent });
  return true;
}
