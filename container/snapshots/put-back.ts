import { join } from 'node:path';
import { z } from 'zod';
import { CommitId } from '../../src/contract/ids.ts';
import { homeDir } from '../agents/places.ts';
import { fetchContents, isPartial } from '../git/partial-clone.ts';
import type { Git, GitCommand } from '../git/run-git.ts';
import { removeFile, writeWhole } from '../files/write.ts';
import { readIfThere } from '../git/worktree-marks.ts';
import { describeConflict, describeLeftOut } from './describe.ts';
import { SnapshotError } from './errors.ts';
import { runNamed } from './named-git.ts';
import { findPlace } from './place.ts';
import type { Place } from './place.ts';
import { putFilesBack } from './put-files-back.ts';
import { putIndexBack } from './put-index-back.ts';
import { putRefsBack } from './put-refs-back.ts';
import { putSessionBack } from './put-session-back.ts';
import { putStateBack } from './put-state-back.ts';
import { savedStateFrom, STATE_TREE } from './saved-state.ts';
import { snapshotRef } from './snapshot-meta.ts';
import type { SnapshotMeta } from './snapshot-meta.ts';

/**
 * Which snapshot goes back into which worktree, in which generation; `remoteTip` is where the remote has `branch`, null
 * for nowhere.
 */
export interface PutBackRequest {
  readonly rig: string;
  readonly agent: string;
  readonly dir: string;
  readonly branch: string;
  readonly bead: string;
  readonly snapshot: { readonly commit: string; readonly meta: SnapshotMeta };
  readonly remoteTip: string | null;
  readonly generation: number;
  readonly signal?: AbortSignal;
}

/** What became of it; `files` counts the tracked files of the worktree. */
export interface PutBackReport {
  readonly outcome: 'restored' | 'conflict' | 'none';
  readonly head: string | null;
  readonly files: number;
  readonly warnings: string[];
}

const MARK = 'relight-put-back';
const Mark = z.object({ commit: CommitId });

/**
 * Puts a snapshot back into a worktree that was freshly made for its branch, and the agent's session below its HOME.
 * Where the branch moved on the remote, or the snapshot belongs to other work, nothing is changed and the warnings say how
 * to get at it. Cut off anywhere, a second call completes it. Throws a SnapshotError `incomplete`, `corrupt` or `misplaced`, or git's failure.
 */
export async function putBack(git: Git, request: PutBackRequest): Promise<PutBackReport> {
  const { snapshot, bead, rig, agent, dir, signal = new AbortController().signal } = request;
  const { commit, meta } = snapshot;
  if (meta.bead !== bead || meta.agent !== agent || meta.rig !== rig) {
    const warning = `the snapshot ${snapshotRef(meta.agent, meta.seq)} is of ${meta.rig}/${meta.agent}'s bead ${meta.bead}: nothing was put back`;
    return { outcome: 'none', head: null, files: 0, warnings: [warning] };
  }
  const command = { signal };
  const place = await findPlace(git, { rig, dir }, command);
  await proveIsHere(git, place, commit, command);
  if (isPartial(place.repo)) {
    // Contents of the remote's history are in no snapshot, and here only as far as something else is checked out.
    const all = new Set([commit, meta.index, meta.state]);
    await fetchContents(git, place.repo, all, { ...command, credentialsOf: rig });
  }
  const resumed = await wasBegun(place, commit);
  if (!resumed && (await hasMoved(git, place, request))) {
    const ref = await keepRef(git, place, { meta, commit, command });
    return { outcome: 'conflict', head: null, files: 0, warnings: describeConflict(request, ref) };
  }
  // Noted before anything is touched: a second run must not take a half-done worktree for one that moved.
  writeWhole(join(place.admin, MARK), `${JSON.stringify({ commit } satisfies z.infer<typeof Mark>)}\n`);
  const result = await restore(git, request, { place, command });
  await putSessionBack(git, place, {
    home: homeDir(git.workspace, rig, agent),
    bead,
    state: meta.state,
    signal,
  });
  removeFile(join(place.admin, MARK));
  const warnings = [...result.warnings, ...describeLeftOut(meta)];
  return { outcome: 'restored', head: meta.head.commit, files: result.files, warnings };
}

async function restore(
  git: Git,
  { branch, snapshot }: PutBackRequest,
  { place, command }: { place: Place; command: { signal: AbortSignal } },
): Promise<{ files: number; warnings: string[] }> {
  const { commit, meta } = snapshot;
  const text = await runNamed(
    git,
    { gitDir: place.repo },
    ['cat-file', 'blob', `${meta.state}:${STATE_TREE.state}`],
    command,
  );
  const saved = savedStateFrom(text);
  await putFilesBack(git, place, { commit, facts: saved.facts, ...command });
  await putStateBack(place, saved.files);
  const warnings = await putRefsBack(git, place, { branch, meta, command });
  // Last, because it tells git which files it need not look at.
  const files = await putIndexBack(git, place, { saved, commit: meta.index, command });
  return { files, warnings };
}

async function wasBegun({ admin }: Place, commit: string): Promise<boolean> {
  const text = readIfThere(join(admin, MARK));
  if (text === null) return false;
  try {
    return Mark.parse(JSON.parse(text)).commit === commit;
  } catch (error) {
    // A mark that cannot be read is that of a put-back that touched nothing yet.
    if (error instanceof SyntaxError || error instanceof z.ZodError) return false;
    throw error;
  }
}

async function proveIsHere(git: Git, { repo }: Place, commit: string, command: GitCommand): Promise<void> {
  const answer = await runNamed(git, { gitDir: repo }, ['cat-file', '--batch-check'], {
    ...command,
    input: `${commit}\n`,
  });
  if (answer.startsWith(`${commit} commit `)) return;
  throw new SnapshotError('incomplete', `the snapshot ${commit} is not here`, { missing: [commit] });
}

/**
 * Whether the snapshot is of another state of things: of another branch, a later generation, or somebody else moved the
 * branch on the remote, so that it is neither where it was nor in what was captured.
 */
async function hasMoved(
  git: Git,
  { repo }: Place,
  { snapshot, branch, remoteTip, generation, signal }: PutBackRequest,
): Promise<boolean> {
  const { head, branchTip, upstream } = snapshot.meta;
  if (snapshot.meta.branch !== branch || snapshot.meta.generation > generation) return true;
  if (remoteTip === null || remoteTip === upstream) return false;
  const captured = [head.commit, branchTip].filter((commit) => commit !== null);
  const range = [remoteTip, ...captured.map((commit) => `^${commit}`)];
  const ahead = await runNamed(git, { gitDir: repo }, ['rev-list', '--count', ...range], { signal });
  return ahead.trim() !== '0';
}

async function keepRef(
  git: Git,
  { repo }: Place,
  { meta, commit, command }: { meta: SnapshotMeta; commit: string; command: GitCommand },
): Promise<string> {
  const ref = snapshotRef(meta.agent, meta.seq);
  const input = `start\nupdate ${ref} ${commit}\ncommit\n`;
  await runNamed(git, { gitDir: repo }, ['update-ref', '--stdin'], { ...command, input });
  return ref;
}
