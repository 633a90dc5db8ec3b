import type { WorktreePlan } from '../../src/contract/control.ts';
import { RelightError } from '../../src/contract/errors.ts';
import type { ErrorCode } from '../../src/contract/errors.ts';
import type { Snapshot } from '../../src/contract/snapshot.ts';
import type { PutBack, PutBackPlace } from '../git/restore-context.ts';
import type { Git } from '../git/run-git.ts';
import type { BundleStore } from './bundle-store.ts';
import { describeKept } from './describe.ts';
import type { GitStore } from './git-store.ts';
import { putBack } from './put-back.ts';
import type { SnapshotMeta } from './snapshot-meta.ts';
import type { Taker } from './take.ts';

/** What bringing work back works with. */
export interface BringBackParts {
  readonly git: Git;
  readonly bundles: BundleStore;
  readonly refs: GitStore;
  readonly taker: Taker;
}

/** Where the work goes, in which generation, and the home of the town's snapshots on the remote. */
export interface BringBackPlace extends PutBackPlace {
  readonly generation: number;
  readonly home: string;
  readonly signal: AbortSignal;
}

/** A snapshot in the rig's repository. */
interface Fetched {
  readonly commit: string;
  readonly meta: SnapshotMeta;
}

/** Work that nobody can bring back: the snapshot is damaged, gone, or builds on what the remote no longer has. */
const BEYOND_REPAIR = new Set<ErrorCode>(['unknown_snapshot', 'snapshot_corrupt', 'snapshot_incomplete']);

/**
 * Puts an agent's newest snapshot back into its new worktree; where that is beyond repair the one before it, and what is
 * lost then is named. Null where there is none. Throws where it cannot be had now but may be later.
 */
export async function bringBack(
  parts: BringBackParts,
  rig: string,
  plan: WorktreePlan,
  place: BringBackPlace,
): Promise<PutBack | null> {
  const { agent, bead, snapshot, older } = plan;
  const kept = await keepPinned(parts, rig, plan, place);
  const lost: string[] = [];
  const recorded = snapshot === null ? [] : [snapshot, ...older];
  const sources = [
    async () => await parts.refs.findUnrecorded(rig, plan, place),
    ...recorded.map((each) => async () => await fetchRecorded(parts, rig, { agent, snapshot: each, place })),
  ];
  for (const source of sources) {
    try {
      const fetched = await source();
      if (fetched === null) continue;
      const { branch } = plan;
      const put = await putBack(parts.git, { rig, agent, bead, branch, snapshot: fetched, ...place });
      const seqs = [fetched.meta.seq, ...recorded.map(({ seq }) => seq)];
      const keep = [...kept.seqs, ...(put.outcome === 'conflict' ? [fetched.meta.seq] : [])];
      parts.taker.goOnAfter({ rig, agent, bead }, Math.max(...seqs), keep);
      return { ...put, warnings: [...put.warnings, ...kept.warnings], lost };
    } catch (error) {
      lost.push(lossBy(error));
    }
  }
  if (lost.length + kept.warnings.length === 0) return null;
  parts.taker.goOnAfter({ rig, agent, bead }, Math.max(0, ...recorded.map(({ seq }) => seq)), kept.seqs);
  return { outcome: 'none', head: null, files: 0, warnings: kept.warnings, lost };
}

/** Fetches the snapshots that could not be put back before, and says again how to get at them. */
async function keepPinned(
  parts: BringBackParts,
  rig: string,
  { agent, branch, pinned }: WorktreePlan,
  place: BringBackPlace,
): Promise<{ warnings: string[]; seqs: number[] }> {
  const [warnings, seqs]: [string[], number[]] = [[], []];
  for (const snapshot of pinned) {
    try {
      const { meta } = await fetchRecorded(parts, rig, { agent, snapshot, place });
      warnings.push(...describeKept(meta, branch));
      seqs.push(meta.seq);
    } catch (error) {
      warnings.push(lossBy(error));
    }
  }
  return { warnings, seqs };
}

async function fetchRecorded(
  { bundles, refs }: BringBackParts,
  rig: string,
  { agent, snapshot, place }: { agent: string; snapshot: Snapshot; place: BringBackPlace },
): Promise<Fetched> {
  try {
    return snapshot.store === 'r2'
      ? await bundles.fetch(rig, agent, snapshot)
      : await refs.fetch(rig, snapshot, place.stored);
  } catch (error) {
    if (!(error instanceof RelightError)) throw error;
    const { generation, seq, files } = snapshot;
    const reason = `snapshot ${generation}/${seq} of ${files} files: ${error.message}`;
    throw isBeyondRepair(error) ? new RelightError('snapshot_corrupt', reason, { cause: error }) : error;
  }
}

/** What is lost with a snapshot that is beyond repair. Every other failure is thrown on. */
function lossBy(error: unknown): string {
  if (error instanceof RelightError && isBeyondRepair(error)) return error.message;
  throw error;
}

function isBeyondRepair(error: RelightError): boolean {
  return BEYOND_REPAIR.has(error.code);
}
