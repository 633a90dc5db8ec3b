import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { removeTree, writeWhole } from '../files/write.ts';
import { agentsDir, repoDir, rigDir } from './layout.ts';
import { liveGitIn } from './live-git.ts';
import type { Git } from './run-git.ts';
import { findLeftFiles, isStale, removeLeftFile } from './stale-files.ts';
import { readIfThere, readReadyMark } from './worktree-marks.ts';
import { adminNamedBy, isAmongAgents, namesIn, registrations } from './worktree-registry.ts';
import type { Registration } from './worktree-registry.ts';

/**
 * Takes away what killed processes left in a rig's repository: locks that nobody holds, registrations of worktrees
 * that are gone, links between worktree and repository that were cut. Files of worktrees are not touched.
 */
export async function healRepository(git: Git, rig: string): Promise<void> {
  const repo = repoDir(git.workspace, rig);
  if (!existsSync(repo)) return;
  // The files are looked for before the processes: a git that starts later finds its own lock file untouched.
  const left = await findLeftFiles(repo);
  const known = await registrations(repo);
  if (left.length === 0 && known.length === 0) return;
  const live = await liveGitIn(rigDir(git.workspace, rig));
  for (const file of left) if (isStale(file, live, performance.timeOrigin)) await removeLeftFile(file);
  await relink(repo, agentsDir(git.workspace, rig));
  for (const registration of await registrations(repo)) {
    if (await isCutOff(registration, live)) await removeTree(registration.admin);
  }
  const gone = (await registrations(repo)).some(({ worktree }) => worktree === null || !existsSync(worktree));
  if (gone) await git.run(repo, ['worktree', 'prune']);
}

/**
 * Mends both directions of the link between a worktree and its admin folder, as `git worktree repair` does: a lost
 * `.git` file, and a `gitdir` that names the place a worktree was moved away from. Comes before any pruning, which
 * would throw away the index of such a worktree.
 */
async function relink(repo: string, agents: string): Promise<void> {
  for (const { admin, worktree } of await registrations(repo)) {
    if (worktree === null || !isAmongAgents(repo, worktree)) continue;
    if (!existsSync(worktree) || existsSync(join(worktree, '.git'))) continue;
    if (readReadyMark(admin) === null) continue;
    writeWhole(join(worktree, '.git'), `gitdir: ${admin}\n`);
  }
  for (const name of await namesIn(agents)) {
    const dir = join(agents, name);
    const admin = await adminNamedBy(repo, dir);
    if (admin === null || !existsSync(admin)) continue;
    const gitFile = readIfThere(join(admin, 'gitdir'))?.trim() ?? '';
    if (gitFile === '' || !existsSync(gitFile)) writeWhole(join(admin, 'gitdir'), `${join(dir, '.git')}\n`);
  }
}

/** A `git worktree add` that was killed before it made the folder: its lock keeps `git worktree prune` away. */
async function isCutOff({ admin, worktree }: Registration, live: boolean | null): Promise<boolean> {
  if (live === true || (worktree !== null && existsSync(worktree))) return false;
  const lock = readIfThere(join(admin, 'locked'));
  return lock?.trim() === 'initializing';
}
