import { repoDir } from '../git/layout.ts';
import type { Git } from '../git/run-git.ts';
import { linesOf } from './byte-path.ts';
import { runNamed } from './named-git.ts';

/**
 * Deletes the refs of an agent's snapshots, so that git may collect them; `keep` are the numbers that stay. Returns the
 * refs that are gone.
 */
export async function dropSnapshots(
  git: Git,
  rig: string,
  agent: string,
  { keep }: { keep: readonly number[] },
): Promise<string[]> {
  const repo = repoDir(git.workspace, rig);
  const folder = `refs/relight/snapshots/${agent}/`;
  const listed = await runNamed(git, { gitDir: repo }, ['for-each-ref', '--format=%(refname)', folder]);
  const kept = new Set(keep.map((seq) => `${folder}${seq}`));
  const dropped = linesOf(listed).filter((ref) => !kept.has(ref));
  if (dropped.length === 0) return dropped;
  const input = `start\n${dropped.map((ref) => `delete ${ref}\n`).join('')}commit\n`;
  await runNamed(git, { gitDir: repo }, ['update-ref', '--stdin'], { input });
  return dropped;
}
