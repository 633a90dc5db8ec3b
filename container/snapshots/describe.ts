import type { PutBackRequest } from './put-back.ts';
import type { SnapshotMeta } from './snapshot-meta.ts';

const NAMED = 20;

/** Why nothing was put back, and the commands that bring an agent to its work. */
export function describeConflict({ snapshot, branch, remoteTip }: PutBackRequest, ref: string): string[] {
  const { head, branch: captured } = snapshot.meta;
  const why =
    captured === branch
      ? `the remote's ${branch} has moved to ${remoteTip ?? 'nothing'} since the snapshot was taken`
      : `the snapshot was taken of the branch ${captured}`;
  const kept = `${why}: it is kept as ${ref}, and nothing of it was put back`;
  if (head.commit === null) return [kept, `to get at its files: git restore --source=${ref} -- <path>`];
  return [
    kept,
    `to see its commits: git log ${branch}..${head.commit}; its uncommitted changes: git diff ${head.commit} ${ref}`,
    `to take over its commits: git merge ${head.commit}`,
    `to take over its uncommitted changes: git diff --binary ${head.commit} ${ref} | git apply --3way`,
    `to get at one file: git restore --source=${ref} -- <path>`,
  ];
}

/** What a snapshot could not hold. */
export function describeLeftOut({ leftOut, leftOutMore }: SnapshotMeta): string[] {
  const named = leftOut
    .slice(0, NAMED)
    .map(({ path, reason }) => `not in the snapshot: ${JSON.stringify(path)} ${reason}`);
  const more = leftOut.length - named.length + leftOutMore;
  return more === 0 ? named : [...named, `not in the snapshot: ${more} more`];
}
