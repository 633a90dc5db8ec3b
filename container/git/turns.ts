import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import PQueue from 'p-queue';

const RESTORES = new Map<string, ReturnType<typeof pLimit>>();

/** About what a checkout of a large repository needs, in bytes. */
const CHECKOUT_BYTES = 256 * 1024 ** 2;

/** How many worktrees are filled at the same time, over all rigs: as many as there are cores, and memory for. */
const CHECKOUTS_AT_ONCE = Math.max(
  1,
  Math.min(availableParallelism(), Math.floor(process.availableMemory() / CHECKOUT_BYTES)),
);

const checkouts = new PQueue({ concurrency: CHECKOUTS_AT_ONCE });

/** Fills a worktree in the one pool of this process, where those of the rig with the fewest files come first. */
export async function inCheckoutPool<Result>(
  files: number | null,
  work: () => Promise<Result>,
): Promise<Result> {
  return checkouts.add(work, { priority: priorityOf(files) });
}

/** Whoever is small comes first, and holds the large ones back for a moment only; what nobody knows counts as small. */
export function priorityOf(files: number | null): number {
  return -(files ?? 0);
}

/** The one pool in which worktrees are looked at. */
export const lookPool = pLimit(2 * availableParallelism());

/** Runs `work` after all earlier work on the same repository has ended. */
export async function inTurn<Result>(repo: string, work: () => Promise<Result>): Promise<Result> {
  const turns = RESTORES.get(repo) ?? pLimit(1);
  RESTORES.set(repo, turns);
  return turns(work);
}
