import { CACHE_MAX_BYTES } from '../../src/contract/repo-cache.ts';
import type { RepoCache } from '../../src/contract/repo-cache.ts';

/** Of a smaller repository a fetch is as fast, in bytes. */
const MIN_BYTES = 2_000_000;

/** A rig gets a new cache this often … */
const EVERY_MS = 6 * 60 * 60_000;

/** … or once so much of the old one's size has come since. */
const GROWN_SHARE = 0.25;

/** One that says what is so for this long is stored again, before it counts as too old to be used. */
const REFRESH_MS = 14 * 24 * 60 * 60_000;

/** What is known of a rig when a new cache for it is considered. */
export interface MakingFacts {
  readonly stored: RepoCache | null;
  /** The commits of the branches that last, as the remote named them. */
  readonly tips: readonly string[];
  /** What the repository has of them, and what of that the stored cache cannot have, in bytes. */
  readonly bytes: number;
  readonly newBytes: number;
  /** The stored cache has commits that no branch of the remote leads to any more. */
  readonly rewritten: boolean;
  /** The remote gives single contents to who asks for them: then a cache needs none of old files. */
  readonly lazy: boolean;
}

export type MakingPlan =
  { readonly make: true; readonly blobless: boolean } | { readonly make: false; readonly why: string };

/** Whether a new cache is made, and of what. `now` is in epoch milliseconds. */
export function planMaking(facts: MakingFacts, now: number): MakingPlan {
  const { stored, tips, bytes, newBytes, rewritten, lazy } = facts;
  if (tips.length === 0) return not('the remote has no branch that lasts');
  if (bytes < MIN_BYTES) return not(`it would have only ${bytes} bytes`);
  if (!lazy && bytes > CACHE_MAX_BYTES) return not(`it would have ${bytes} bytes`);
  const make = { make: true, blobless: lazy } as const;
  if (stored === null || rewritten || stored.blobless !== lazy) return make;
  const age = now - stored.at;
  const isSame = stored.tips.length === tips.length && tips.every((tip) => stored.tips.includes(tip));
  if (isSame) return age >= REFRESH_MS ? make : not('nothing has changed');
  const isDue = age >= EVERY_MS || newBytes >= stored.bytes * GROWN_SHARE;
  return isDue ? make : not('the stored one is still good');
}

function not(why: string): MakingPlan {
  return { make: false, why };
}
