import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsence } from '../git/worktree-marks.ts';
import type { Git, GitCommand } from '../git/run-git.ts';
import { readAgentState, stateKey } from './agent-state.ts';
import type { AgentState } from './agent-state.ts';
import { SnapshotError } from './errors.ts';
import { readHeads } from './head.ts';
import type { Heads } from './head.ts';
import { leftOutOf } from './left-out.ts';
import { findPlace } from './place.ts';
import type { Place } from './place.ts';
import { removeLeftFolders, withPrivateRepo } from './private-repo.ts';
import { findMoves } from './seen.ts';
import { isSame } from './sweep.ts';
import type { Moves, Seen } from './seen.ts';
import type { LeftOut, SnapshotMeta } from './snapshot-meta.ts';
import { readStaged } from './staged.ts';
import type { Staged } from './staged.ts';
import { takeTree } from './take-tree.ts';
import { modesOf, unchangedByStatus } from './worktree-facts.ts';
import type { WorktreeFacts } from './worktree-facts.ts';
import { writeSnapshot } from './write-snapshot.ts';

/** Limits of one snapshot: of a file and of all uncommitted files together in bytes, of the capture in milliseconds. */
export interface CaptureLimits {
  readonly maxFileBytes: number;
  readonly maxTotalBytes: number;
  readonly timeoutMs: number;
}

export const CAPTURE_LIMITS: CaptureLimits = {
  maxFileBytes: 50 * 1024 * 1024,
  maxTotalBytes: 512 * 1024 * 1024,
  timeoutMs: 60_000,
};

/** Whose worktree is captured, under which number, and what is known of it from the last time. */
export interface CaptureRequest {
  readonly rig: string;
  readonly agent: string;
  readonly dir: string;
  readonly bead: string;
  readonly branch: string;
  readonly generation: number;
  readonly seq: number;
  /** Epoch milliseconds; now, unless said otherwise. */
  readonly at?: number;
  readonly limits?: Partial<CaptureLimits>;
  readonly previous: Fingerprint | null;
  readonly signal?: AbortSignal;
}

/**
 * What a worktree was when it was captured. Kept by whoever captures, for the next time; it is not changed by that,
 * except for what only saves work.
 */
export interface Fingerprint {
  readonly tree: string;
  /** Of everything in the snapshot: equal identities are equal snapshots. */
  readonly identity: string;
  /** What saves work the next time. */
  readonly memory: { place: Place; key: string; seen: Seen; staged: Staged };
}

/** A snapshot that was made and is kept alive by `ref`. */
export interface Captured {
  readonly commit: string;
  readonly ref: string;
  readonly meta: SnapshotMeta;
  readonly fingerprint: Fingerprint;
  /** Whether the worktree is as HEAD says, with nothing in progress: then HEAD on the remote is as good as the snapshot. */
  readonly pristine: boolean;
}

/** A capture is begun anew when HEAD or the index moved under it; the last one is taken as it is. */
const ATTEMPTS = 4;

/**
 * Captures a worktree: HEAD, index, files, and operations in progress, as commits in the rig's repository
 * (https://git-scm.com/docs/git-commit-tree). Null when nothing has changed since `previous`. Neither the agent's
 * branch, HEAD, index nor any file is touched. Throws a SnapshotError `timed-out` or `misplaced`, or git's failure.
 */
export async function capture(git: Git, request: CaptureRequest): Promise<Captured | null> {
  const limits = { ...CAPTURE_LIMITS, ...request.limits };
  const overdue = new AbortController();
  const late = new SnapshotError('timed-out', `the capture took longer than ${limits.timeoutMs} ms`);
  const timer = setTimeout(() => overdue.abort(late), limits.timeoutMs);
  const signal =
    request.signal === undefined ? overdue.signal : AbortSignal.any([request.signal, overdue.signal]);
  try {
    return await captureWithin(git, request, { limits, signal });
  } finally {
    clearTimeout(timer);
  }
}

interface Bounds {
  readonly limits: CaptureLimits;
  readonly signal: AbortSignal;
}

async function captureWithin(git: Git, request: CaptureRequest, bounds: Bounds): Promise<Captured | null> {
  const { previous, branch, dir } = request;
  const { signal } = bounds;
  const command = { signal };
  const known = previous?.memory;
  if (known !== undefined && known.place.dir === dir) {
    const moves = await findMoves(dir, known.seen, signal);
    const still = moves.changedFiles.length === 0 && moves.changedFolders.length === 0;
    if (
      still &&
      (await stateKey(known.place, branch)) === known.key &&
      (await rulesOf(known.place)) === known.seen.rules
    )
      return null;
  }
  const place = await findPlace(git, request.rig, dir, command);
  await removeLeftFolders(place.repo);
  for (let attempt = 1; ; attempt += 1) {
    const base = await takeBase(git, request, { place, signal });
    const taken = { ...base, ...(await takeFiles(git, request, { ...bounds, place, base })) };
    const { key } = base.state;
    if (attempt < ATTEMPTS && (await stateKey(place, branch)) !== key) continue;
    const memory = { place, key, seen: taken.seen, staged: taken.staged };
    const identity = identityOf(taken);
    if (previous?.identity === identity) {
      Object.assign(previous.memory, memory);
      return null;
    }
    const { commit, ref, meta } = await writeSnapshot(git, request, { ...taken, place, command });
    const fingerprint = { tree: taken.tree, identity, memory };
    return { commit, ref, meta, fingerprint, pristine: isPristine(taken) };
  }
}

/** HEAD, index and operations in progress, all of one moment. */
interface Base {
  readonly state: AgentState;
  readonly staged: Staged;
  readonly heads: Heads;
}

/** Everything of one attempt. */
export interface Taken extends Base {
  readonly tree: string;
  readonly seen: Seen;
  readonly facts: WorktreeFacts;
  readonly leftOut: readonly LeftOut[];
}

/** Begins anew until nothing moved under it: a HEAD and an index of two moments would look like a change nobody made. */
async function takeBase(
  git: Git,
  { previous, branch }: CaptureRequest,
  { place, signal }: { place: Place; signal: AbortSignal },
): Promise<Base> {
  const command: GitCommand = { signal };
  const before = previous?.memory.staged ?? null;
  for (;;) {
    const state = await readAgentState(place, branch, signal);
    const staged = await readStaged(git, place, state, { before, command });
    const heads = await readHeads(git, place, state, { branch, objects: staged.objects, command });
    if ((await stateKey(place, branch)) === state.key) return { state, staged, heads };
  }
}

async function takeFiles(
  git: Git,
  { previous, dir }: CaptureRequest,
  { limits, signal, place, base }: Bounds & { place: Place; base: Base },
): Promise<Pick<Taken, 'tree' | 'seen' | 'facts' | 'leftOut'>> {
  const { staged, state } = base;
  const rules = await rulesOf(place);
  const known = previous?.memory.seen ?? null;
  const remembered = known !== null && known.rules === rules ? known : null;
  const run = async (seen: Seen | null): ReturnType<typeof takeTree> => {
    const moves: Moves = await findMoves(dir, seen, signal);
    return withPrivateRepo(git, place, { signal }, async (own) =>
      takeTree({ own, place, index: staged.index, seen, moves, rules, signal, ...limits }),
    );
  };
  let result = await run(remembered);
  // What was ignored may no longer be, and the other way round.
  if (remembered !== null && ignoreRulesMoved(remembered, result.seen)) result = await run(null);
  const { tree, seen } = result;
  const facts: WorktreeFacts = {
    modes: modesOf(seen.files, seen.folders),
    bareFolders: [...seen.odd.bare].sort(),
    unchanged: unchangedByStatus(staged.index, state.indexMtimeMs, seen.files),
  };
  return { tree, seen, facts, leftOut: leftOutOf(place.dir, seen) };
}

function ignoreRulesMoved(before: Seen, now: Seen): boolean {
  const isRule = (path: string): boolean => path === '.gitignore' || path.endsWith('/.gitignore');
  for (const [path, look] of now.files) {
    if (isRule(path) && !isSame(before.files.get(path), look)) return true;
  }
  for (const path of before.files.keys()) if (isRule(path) && !now.files.has(path)) return true;
  return false;
}

/** Of the files outside the worktree that say what is ignored. */
async function rulesOf({ repo, excludes }: Place): Promise<string> {
  const paths = [join(repo, 'info', 'exclude'), ...(excludes === null ? [] : [excludes])];
  const stamps = paths.map(async (path) => {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(path);
      return [path, ino, size, mtimeMs, ctimeMs].join(' ');
    } catch (error) {
      if (isAbsence(error)) return path;
      throw error;
    }
  });
  return (await Promise.all(stamps)).join('\n');
}

/** What of a capture counts as a change; the status of files alone does not. */
function identityOf({ tree, state: { files }, staged, heads, facts, leftOut }: Taken): string {
  const state = [...files].map(([path, bytes]) => [path, bytes.toString('base64')]);
  const all = [
    tree,
    staged.hash,
    heads.head,
    heads.branchTip,
    facts.modes,
    facts.bareFolders,
    leftOut,
    state,
  ];
  return createHash('sha1').update(JSON.stringify(all)).digest('hex');
}

function isPristine({ tree, state: { files }, staged, heads, facts, leftOut }: Taken): boolean {
  const { head, headTree, branchTip } = heads;
  const quiet = [...files.keys()].every((path) => path === 'ORIG_HEAD' || path === 'info/sparse-checkout');
  return (
    quiet &&
    tree === headTree &&
    staged.tree === headTree &&
    staged.objects.length === 0 &&
    head.commit === branchTip &&
    facts.modes.others.length === 0 &&
    facts.bareFolders.length === 0 &&
    leftOut.length === 0
  );
}
