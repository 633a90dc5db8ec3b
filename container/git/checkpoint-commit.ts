import { asRelightError, GitFailure } from './errors.ts';
import { keepCommit } from './local-refs.ts';
import type { RigRestore } from './restore-context.ts';

/** What became of the commit that the newest checkpoint names. */
export interface CheckpointFinding {
  readonly lost: string[];
  readonly warnings: string[];
}

/**
 * Looks for the commit of an agent's newest checkpoint: in the worktree's history, in the repository, on the remote.
 * One that is found outside the branch gets a ref of its own; one that is nowhere is lost, and said to be.
 */
export async function findCheckpointCommit(
  restore: RigRestore,
  { agent, commit, head, kept }: { agent: string; commit: string | null; head: string | null; kept: boolean },
): Promise<CheckpointFinding> {
  const { git, repo, local } = restore;
  const found = { lost: [], warnings: [] };
  if (commit === null || commit === head) return found;
  const here = await isHere(restore, commit);
  // In a kept worktree it is the agent's own doing that the commit is here, and where.
  if (here && kept) return found;
  if (!here) {
    const answer = await fetchCommit(restore, commit);
    if (answer === 'absent') {
      const loss = `commit ${commit} named by the last checkpoint is neither on the remote nor in a snapshot`;
      return { lost: [loss], warnings: [] };
    }
    if (answer !== 'fetched') {
      return { lost: [], warnings: [`nobody could be asked for the last checkpoint's ${commit}: ${answer}`] };
    }
  }
  const range = head === null ? [commit] : [commit, `^${head}`];
  if ((await git.run(repo, ['rev-list', '--count', ...range])).trim() === '0') return found;
  const ref = await keepCommit(git, repo, local, { agent, commit });
  return {
    lost: [],
    warnings: [`the last checkpoint's ${commit} is not in the branch; it is kept as ${ref}`],
  };
}

async function isHere({ git, repo }: RigRestore, commit: string): Promise<boolean> {
  const answer = await git.run(repo, ['cat-file', '--batch-check'], { input: `${commit}\n` });
  return answer.startsWith(`${commit} commit `);
}

/** Asks the remote for one commit. Servers say `not our ref` of what they do not have or do not give away. */
async function fetchCommit({ git, repo, access }: RigRestore, commit: string): Promise<string> {
  const options = ['--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--progress'];
  try {
    await git.run(repo, ['fetch', ...options, 'origin', commit], { ...access, network: true });
    return 'fetched';
  } catch (error) {
    const refused = /not our ref|unadvertised object/;
    if (error instanceof GitFailure && refused.test(error.output)) return 'absent';
    return asRelightError(error).message;
  }
}
