import type { PutBackRequest } from './put-back.ts';
import { snapshotRef } from './snapshot-meta.ts';
import type { SnapshotMeta } from './snapshot-meta.ts';

const NAMED = 20;

/** Why nothing was put back, and the commands that bring an agent to its work. */
export function describeConflict(
  { snapshot, branch, remoteTip, generation }: PutBackRequest,
  ref: string,
): string[] {
  const { head, branch: captured } = snapshot.meta;
  const { generation: made } = snapshot.meta;
  let why = `the remote's ${branch} has moved to ${remoteTip ?? 'nothing'} since the snapshot was taken`;
  if (captured !== branch) why = `the snapshot was taken of the branch ${captured}`;
  else if (made > generation) why = `the snapshot is of generation ${made}, and this is ${generation}`;
  return [
    `${why}: it is kept as ${ref}, and nothing of it was put back`,
    ...waysTo(head.commit, branch, ref),
  ];
}

/** The same for a snapshot that an earlier restore could not put back. */
export function describeKept({ agent, seq, head }: SnapshotMeta, branch: string): string[] {
  const ref = snapshotRef(agent, seq);
  const kept = `an earlier snapshot could not be put back: it is kept as ${ref}`;
  return [kept, ...waysTo(head.commit, branch, ref)];
}

function waysTo(head: string | null, branch: string, ref: string): string[] {
  if (head === null) return [`to get at its files: git restore --source=${ref} -- <path>`];
  return [
    `to see its commits: git log ${branch}..${head}; its uncommitted changes: git diff ${head} ${ref}`,
    `to take over its commits: git merge ${head}`,
    `to take over its uncommitted changes: git diff --binary ${head} ${ref} | git apply --3way`,
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
