import { z } from 'zod';
import { BranchName } from '../../src/contract/git-names.ts';
import { CommitId, Id, Instant } from '../../src/contract/ids.ts';
import { SnapshotError } from './errors.ts';

/** How many left-out files a snapshot names; `leftOutMore` counts the others. */
const LEFT_OUT_NAMED = 500;

/** Something in the worktree that is not in the snapshot, and why; `bytes` where the size is the reason. */
export const LeftOut = z.object({ path: z.string(), reason: z.string(), bytes: z.int().nullable() });
export type LeftOut = z.infer<typeof LeftOut>;

/** What a snapshot says of itself: JSON in its commit message. */
export const SnapshotMeta = z.object({
  version: z.literal(1),
  rig: Id,
  agent: Id,
  bead: Id,
  branch: BranchName,
  generation: z.int().positive(),
  seq: z.int().positive(),
  at: Instant,
  /** What HEAD was: `ref` is null when it was detached, `commit` on a branch without commits. */
  head: z.object({
    // Whatever name git allowed the agent; git checks it again when it is put back.
    ref: z
      .string()
      .regex(/^refs\/heads\/[^\u0000-\u0020\u007f]+$/)
      .nullable(),
    commit: CommitId.nullable(),
  }),
  /** The tip of `branch` itself, which HEAD need not be on. */
  branchTip: CommitId.nullable(),
  /** Where the remote had `branch`, as far as the worktree knew. */
  upstream: CommitId.nullable(),
  /** The commit of the index's tree, and the one of everything that is not a file of the worktree. */
  index: CommitId,
  state: CommitId,
  leftOut: z.array(LeftOut),
  leftOutMore: z.int().nonnegative(),
});
export type SnapshotMeta = z.infer<typeof SnapshotMeta>;

/** The private ref that keeps a snapshot alive. */
export function snapshotRef(agent: string, seq: number): string {
  return `refs/relight/snapshots/${agent}/${seq}`;
}

/** The message of a snapshot's commit. */
export function messageOf(meta: SnapshotMeta): string {
  return `relight snapshot of ${meta.agent}, ${meta.seq}\n\n${JSON.stringify(meta)}\n`;
}

/** The named part of what was left out, and how many more there are. */
export function nameLeftOut(leftOut: readonly LeftOut[]): Pick<SnapshotMeta, 'leftOut' | 'leftOutMore'> {
  const named = leftOut.slice(0, LEFT_OUT_NAMED);
  return { leftOut: named, leftOutMore: leftOut.length - named.length };
}

/** Reads a snapshot's commit as `git cat-file commit` shows it. Throws a SnapshotError `corrupt` if it is not one. */
export function metaFrom(commit: string): SnapshotMeta {
  const body = commit.slice(commit.indexOf('\n\n') + 2);
  const text = body.slice(body.indexOf('\n\n') + 2);
  try {
    return SnapshotMeta.parse(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof z.ZodError)) throw error;
    throw new SnapshotError('corrupt', 'the commit is not that of a snapshot', { cause: error });
  }
}
