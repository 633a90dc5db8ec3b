import { z } from 'zod';
import type { Exchange } from './exchange.ts';
import { BranchName } from './git-names.ts';
import { CommitId, Id, Instant, Life } from './ids.ts';
import { RefSpace, WipHome } from './snapshot-refs.ts';

/** The largest bundle that goes through the Worker, whose requests have at most 100 MB. */
export const SNAPSHOT_MAX_BYTES = 95_000_000;

/** How many snapshots of an agent are kept. */
export const KEPT_SNAPSHOTS = 3;

/** r2: thin bundles in a bucket, through the Worker; git: private refs on the rig's own remote. */
export const SnapshotStore = z.enum(['r2', 'git']);
export type SnapshotStore = z.infer<typeof SnapshotStore>;

/** How an agent's worktree is snapshotted; the Worker says so at each restore and start. */
export const SnapshotPolicy = z.object({
  store: SnapshotStore,
  /** Where the rig's remote takes snapshots, as far as is known. */
  refSpace: RefSpace,
  home: WipHome,
  intervalSeconds: z.int().positive(),
  maxFileBytes: z.int().positive(),
});
export type SnapshotPolicy = z.infer<typeof SnapshotPolicy>;

/** Something in a worktree that a snapshot does not hold, and why. */
export const LeftOut = z.object({ path: z.string(), reason: z.string() });
export type LeftOut = z.infer<typeof LeftOut>;

/**
 * One snapshot: `commit` holds everything, `files` files of the worktree among it, `head` is what HEAD was, `prerequisites` are the commits that the remote must
 * have for it to be put back. What changed since `at` may be missing. `leftOut` names the first of `leftOutCount` paths. `bytes` and `sha256` are the bundle's,
 * null in the git store. `place` is where the store has it: a ref, or the key of an R2 object, which the Worker chooses.
 */
export const Snapshot = z.object({
  bead: Id,
  branch: BranchName,
  generation: z.int().positive(),
  seq: z.int().positive(),
  at: Instant,
  head: CommitId.nullable(),
  commit: CommitId,
  files: z.int().nonnegative(),
  leftOut: z.array(LeftOut).max(50),
  leftOutCount: z.int().nonnegative(),
  prerequisites: z.array(CommitId).max(50),
  store: SnapshotStore,
  bytes: z.int().nonnegative().nullable(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  place: z.string().nullable(),
});
export type Snapshot = z.infer<typeof Snapshot>;

/** A snapshot on its way: which agent of which life it is of. */
export const SnapshotOffer = z.object({ life: Life, rig: Id, agent: Id, snapshot: Snapshot });
export type SnapshotOffer = z.infer<typeof SnapshotOffer>;

/** The answer to a snapshot that was recorded: refs on the remote that it makes superfluous. */
export const SnapshotReceipt = z.object({ superfluous: z.array(z.string()) });
export type SnapshotReceipt = z.infer<typeof SnapshotReceipt>;

/** Which snapshot a control server wants back. */
export const SnapshotWanted = z.object({
  life: Life,
  rig: Id,
  agent: Id,
  generation: z.int().positive(),
  seq: z.int().positive(),
});
export type SnapshotWanted = z.infer<typeof SnapshotWanted>;

/** An agent's newest snapshot at a glance: `at` is when it was taken, `verifiedAt` when its store was seen to hold it. */
export const SnapshotGlance = Snapshot.pick({
  generation: true,
  seq: true,
  at: true,
  files: true,
  bytes: true,
  store: true,
  leftOutCount: true,
}).extend({ verifiedAt: Instant });
export type SnapshotGlance = z.infer<typeof SnapshotGlance>;

/** The header in which an upload carries its SnapshotOffer, as base64url of JSON; the body is the bundle. */
export const OFFER_HEADER = 'relight-snapshot';

/** The calls whose body or answer is a bundle, not JSON; they are streamed. */
export const BUNDLE_CALLS = {
  upload: { method: 'PUT', path: '/callback/snapshots' },
  download: { method: 'POST', path: '/callback/snapshots/wanted' },
} as const satisfies Record<string, Pick<Exchange, 'method' | 'path'>>;
