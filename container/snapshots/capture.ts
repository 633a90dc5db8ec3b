import { homeDir } from '../agents/places.ts';
import type { Git } from '../git/run-git.ts';
import type { KnownSecrets } from '../known-secrets.ts';
import { stateKey } from './agent-state.ts';
import { SnapshotError } from './errors.ts';
import { identityOf, isPristine } from './identity.ts';
import { findPlace, ignoreRulesOf } from './place.ts';
import type { Place } from './place.ts';
import { readRef } from './read-ref.ts';
import { removeLeftFolders } from './private-repo.ts';
import { findMoves } from './seen.ts';
import type { Moves, Seen } from './seen.ts';
import type { SnapshotMeta } from './snapshot-meta.ts';
import { takeBase, takeFiles } from './take-worktree.ts';
import type { Base } from './take-worktree.ts';
import { isSameSession, takeSession } from './take-session.ts';
import type { TakenSession } from './take-session.ts';
import { writeSnapshot } from './write-snapshot.ts';

/**
 * Limits of one snapshot: of a file, of all uncommitted files together and of the agent's session in bytes, of the
 * capture in milliseconds.
 */
export interface CaptureLimits {
  readonly maxFileBytes: number;
  readonly maxTotalBytes: number;
  readonly maxSessionBytes: number;
  readonly timeoutMs: number;
}

export const CAPTURE_LIMITS: CaptureLimits = {
  maxFileBytes: 50 * 1024 * 1024,
  maxTotalBytes: 512 * 1024 * 1024,
  maxSessionBytes: 32 * 1024 * 1024,
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
  readonly limits?: Partial<CaptureLimits>;
  readonly previous: Fingerprint | null;
  /** What must not get into the snapshot with the agent's session. */
  readonly secrets: KnownSecrets;
  readonly signal?: AbortSignal;
}

/**
 * What a worktree was when it was captured, to be given to the next capture. It is good for as long as `ref` is there:
 * what is known to be in the repository is known because the ref keeps it.
 */
export interface Fingerprint {
  readonly commit: string;
  readonly ref: string;
  readonly bead: string;
  readonly branch: string;
  readonly tree: string;
  /** Of everything in the snapshot: equal identities are equal snapshots. */
  readonly identity: string;
  /** What saves work the next time. */
  readonly memory: Memory;
}

/** What saves work the next time. */
interface Memory {
  place: Place;
  base: Base;
  seen: Seen;
  session: TakenSession;
}

/** A snapshot that was made and is kept alive by `ref`. */
export interface Captured {
  readonly commit: string;
  readonly ref: string;
  /** How many files of the worktree it holds. */
  readonly files: number;
  readonly meta: SnapshotMeta;
  readonly fingerprint: Fingerprint;
  /** Whether the worktree is as HEAD says, with nothing in progress: then HEAD on the remote is as good as the snapshot. */
  readonly pristine: boolean;
}

/** A capture is begun anew when HEAD or the index moved under it; the last one is taken as it is. */
const ATTEMPTS = 4;

/**
 * Captures a worktree: HEAD, index, files, operations in progress, and the session of its agent, as commits in the rig's
 * repository (https://git-scm.com/docs/git-commit-tree). Null when nothing has changed since `previous`, whose ref has to
 * be there. Neither the agent's branch, HEAD, index nor any file is touched. Throws a SnapshotError `timed-out` or `misplaced`, or git's failure.
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

/** What the worktree was found to be like before anything was read, and whether that is news. */
interface FirstLook {
  readonly key: string;
  readonly moves: Moves;
  readonly unchanged: boolean;
}

async function captureWithin(
  git: Git,
  request: CaptureRequest,
  { limits, signal }: { limits: CaptureLimits; signal: AbortSignal },
): Promise<Captured | null> {
  const { branch, rig, agent, dir, secrets } = request;
  const place = await findPlace(git, { rig, dir, known: request.previous?.memory.place ?? null }, { signal });
  const previous = stillKept(place, request.previous);
  const known = previous?.memory ?? null;
  const rules = ignoreRulesOf(place);
  const home = homeDir(git.workspace, rig, agent);
  const first = await lookFirst({ ...request, previous }, { place, home, rules, signal });
  if (first.unchanged) return null;
  await removeLeftFolders(place.repo);
  // Before the files: an agent may find more in its worktree than it remembers, but never less.
  const session = await takeSession({
    home,
    repo: place.repo,
    store: place.store,
    before: known?.session ?? null,
    maxBytes: limits.maxSessionBytes,
    secrets,
    signal,
  });
  for (let attempt = 1; ; attempt += 1) {
    const at = Date.now();
    const base = await takeBase(git, place, { branch, before: known?.base ?? null, signal });
    const { key } = base.state;
    // What was seen before the state was read is only of the same moment if that has not moved since.
    const moves = first.key === key ? first.moves : null;
    const files = await takeFiles(git, place, {
      base,
      before: known?.seen ?? null,
      moves,
      rules,
      limits,
      signal,
    });
    if (attempt < ATTEMPTS && stateKey(place, branch) !== key) continue;
    const taken = { ...base, ...files, session };
    const memory: Memory = { place, base, seen: taken.seen, session };
    const identity = identityOf(request, taken);
    if (previous?.identity === identity) {
      Object.assign(previous.memory, memory);
      return null;
    }
    const { commit, ref, meta } = await writeSnapshot(git, request, {
      ...taken,
      at,
      place,
      command: { signal },
    });
    const { tree } = taken;
    const fingerprint = { commit, ref, bead: request.bead, branch, tree, identity, memory };
    const held = taken.seen.files.size - taken.seen.leftOut.size;
    return { commit, ref, files: held, meta, fingerprint, pristine: isPristine(taken) };
  }
}

function stillKept({ repo }: Place, previous: Fingerprint | null): Fingerprint | null {
  return previous !== null && readRef(repo, previous.ref) === previous.commit ? previous : null;
}

async function lookFirst(
  { previous, branch, bead }: CaptureRequest,
  { place, home, rules, signal }: { place: Place; home: string; rules: string; signal: AbortSignal },
): Promise<FirstLook> {
  const key = stateKey(place, branch);
  const seen = previous?.memory.seen ?? null;
  const usable = seen?.rules === rules ? seen : null;
  const moves = await findMoves(place.dir, usable, signal);
  const still = moves.changedFiles.length === 0 && moves.changedFolders.length === 0;
  const sameWork = previous?.bead === bead && previous.branch === branch;
  const unchanged =
    sameWork &&
    still &&
    previous.memory.base.state.key === key &&
    isSameSession(home, previous.memory.session);
  return { key, moves, unchanged };
}
