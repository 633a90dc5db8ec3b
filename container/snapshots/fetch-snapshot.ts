import { GitFailure } from '../git/errors.ts';
import { repoDir } from '../git/layout.ts';
import type { Git } from '../git/run-git.ts';
import { SnapshotError } from './errors.ts';
import { runNamed } from './named-git.ts';
import { metaFrom, snapshotRef } from './snapshot-meta.ts';
import type { SnapshotMeta } from './snapshot-meta.ts';

/**
 * Fetches the snapshot at a ref of the remote, and keeps it under its own ref. Throws a SnapshotError `corrupt` where
 * the commit is not a snapshot, or the code of the failure when the remote does not give it.
 */
export async function fetchSnapshot(
  git: Git,
  rig: string,
  place: string,
): Promise<{ commit: string; meta: SnapshotMeta }> {
  const gitDir = repoDir(git.workspace, rig);
  // Not yet under its own ref: only the commit itself tells its number.
  const arrival = `refs/relight/arrivals/${place.slice('refs/'.length)}`;
  // Whole, also into a partial clone: once the agent is done the remote has it no more.
  const options = [
    '--no-filter',
    '--no-tags',
    '--no-write-fetch-head',
    '--no-recurse-submodules',
    '--progress',
  ];
  const access = { network: true, credentialsOf: rig };
  await runNamed(git, { gitDir }, ['fetch', ...options, 'origin', `+${place}:${arrival}`], access);
  const [commit = ''] = (await runNamed(git, { gitDir }, ['rev-parse', '--verify', arrival])).split('\n');
  const meta = metaFrom(await contentOf(git, gitDir, commit));
  const moves = [`update ${snapshotRef(meta.agent, meta.seq)} ${commit}`, `delete ${arrival}`];
  const input = ['start', ...moves, 'commit', ''].join('\n');
  await runNamed(git, { gitDir }, ['update-ref', '--stdin'], { input });
  return { commit, meta };
}

async function contentOf(git: Git, gitDir: string, commit: string): Promise<string> {
  try {
    return await runNamed(git, { gitDir }, ['cat-file', 'commit', commit]);
  } catch (error) {
    if (!(error instanceof GitFailure) || error.exitCode === null) throw error;
    throw new SnapshotError('corrupt', `${commit} is no commit`, { cause: error });
  }
}
