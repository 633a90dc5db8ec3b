import pLimit from 'p-limit';

const RESTORES = new Map<string, ReturnType<typeof pLimit>>();

/** How many worktrees are filled at the same time, over all rigs: more gain nothing on the disks that were measured. */
const CHECKOUTS_AT_ONCE = 2;

/** The one pool of this process in which worktrees are filled. */
export const checkoutPool = pLimit(CHECKOUTS_AT_ONCE);

/** Runs `work` after all earlier work on the same repository has ended. */
export async function inTurn<Result>(repo: string, work: () => Promise<Result>): Promise<Result> {
  const turns = RESTORES.get(repo) ?? pLimit(1);
  RESTORES.set(repo, turns);
  return turns(work);
}
