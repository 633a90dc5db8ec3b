import { waitUntilQuiet } from './live-git.ts';
import { beginMaking, endMaking, removeReadyMark } from './worktree-marks.ts';
import { removeWorktree } from './worktree-registry.ts';

/**
 * Throws away an agent's worktree in which nothing is lost; `admin` is that of a finished one. Its branch stays. May be
 * cut off anywhere: what is left is known as ours to throw away.
 */
export async function discardWorktree(
  repo: string,
  { agent, dir, admin }: { agent: string; dir: string; admin: string | null },
): Promise<void> {
  if (admin !== null) {
    // Noted first: a removal that is cut off leaves something that only looks like changed files.
    beginMaking(repo, agent);
    removeReadyMark(admin);
  }
  await waitUntilQuiet(dir);
  await removeWorktree(repo, dir);
  endMaking(repo, agent);
}
