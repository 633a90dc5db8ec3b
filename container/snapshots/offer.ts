import type { Snapshot } from '../../src/contract/snapshot.ts';
import type { Captured } from './capture.ts';

/** As many left-out paths as an offer names; the snapshot itself names more. */
const NAMED = 50;

/** What a store adds to the description of a snapshot. */
export type Stored = Pick<Snapshot, 'store' | 'bytes' | 'sha256' | 'place'> & {
  readonly prerequisites: readonly string[];
};

/** The snapshot as the Worker records it. */
export function describeSnapshot({ commit, files, meta }: Captured, stored: Stored): Snapshot {
  const { bead, branch, generation, seq, at, head, leftOut, leftOutMore } = meta;
  return {
    bead,
    branch,
    generation,
    seq,
    at,
    head: head.commit,
    commit,
    files,
    leftOut: leftOut.slice(0, NAMED).map(({ path, reason }) => ({ path, reason })),
    leftOutCount: leftOut.length + leftOutMore,
    ...stored,
    prerequisites: stored.prerequisites.slice(0, NAMED),
  };
}
