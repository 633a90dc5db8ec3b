import type { Snapshot } from '../../src/contract/snapshot.ts';

/** A snapshot of agent ada in generation 1, as a container describes it. */
export function snapshotOf(seq: number, more: Partial<Snapshot>): Snapshot {
  return {
    bead: 'bead-ada',
    branch: 'gt/ada/bead-ada',
    generation: 1,
    seq,
    at: Date.now(),
    head: 'a'.repeat(40),
    commit: String(seq).repeat(40).slice(0, 40),
    files: 1,
    leftOut: [],
    leftOutCount: 0,
    prerequisites: [],
    store: 'r2',
    bytes: null,
    sha256: null,
    place: null,
    ...more,
  };
}
