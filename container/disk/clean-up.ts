import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { homeDir, primeFile } from '../agents/places.ts';
import { removeFile, removeTree } from '../files/write.ts';
import { agentsDir, ownDir, repoDir, rigDir } from '../git/layout.ts';
import { removeIfDisposable } from '../git/remove-worktree.ts';
import type { Git } from '../git/run-git.ts';
import { inTurn } from '../git/turns.ts';
import { namesIn } from '../git/worktree-registry.ts';
import { errorFacts, log } from '../log.ts';

/** An agent whose bead is over; the bead is null where nobody said which. */
export interface Finished {
  readonly rig: string;
  readonly agent: string;
  readonly bead: string | null;
}

/**
 * Takes what an agent had off the disk once its bead is over: its worktree, unless work in it is nowhere else, then its HOME
 * and its prime. `isOver` is asked last: by then the agent may be at work on another bead. Never throws.
 */
export async function cleanUpAfter(
  git: Git,
  { rig, agent, bead }: Finished,
  isOver: () => boolean,
): Promise<void> {
  try {
    await inTurn(repoDir(git.workspace, rig), async () => {
      if (!isOver() || !(await removeIfDisposable(git, rig, agent, bead)) || !isOver()) return;
      await removeTree(homeDir(git.workspace, rig, agent));
      removeFile(primeFile(git.workspace, rig, agent));
    });
  } catch (error) {
    log.warn('agent.not-cleaned-up', { rig, agent, bead, ...errorFacts(error) });
  }
}

/** Does the same for all agents of a rig that have something on disk and whose beads are over. Never throws. */
export async function cleanUpRig(git: Git, rig: string, isOver: (agent: string) => boolean): Promise<void> {
  const places = [agentsDir(git.workspace, rig), dirname(homeDir(git.workspace, rig, 'any'))];
  const agents = new Set((await Promise.all(places.map(namesIn))).flat().filter(isOver));
  for (const agent of agents) {
    await cleanUpAfter(git, { rig, agent, bead: null }, () => isOver(agent));
  }
}

/** Removes the bundles that an earlier life left on their way. */
export async function removeLeftBundles(workspace: string): Promise<void> {
  try {
    for (const rig of await namesIn(dirname(rigDir(workspace, 'any')))) {
      for (const name of await namesIn(ownDir(workspace, rig))) {
        const file = join(ownDir(workspace, rig), name);
        const isLeft = name.endsWith('.bundle') && (await lstat(file)).ctimeMs < performance.timeOrigin;
        if (isLeft) removeFile(file);
      }
    }
  } catch (error) {
    log.warn('disk.bundles-stay', errorFacts(error));
  }
}
