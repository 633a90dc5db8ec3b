import { createHash } from 'node:crypto';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git, GitCommand } from '../git/run-git.ts';
import type { AgentState } from './agent-state.ts';
import type { BytePath } from './byte-path.ts';
import { SnapshotError } from './errors.ts';
import { parseIndex, undoBlobs, withoutStatus } from './index-file.ts';
import type { IndexFile } from './index-file.ts';
import { setEntries } from './own-index.ts';
import type { Place } from './place.ts';
import { withPrivateRepo } from './private-repo.ts';

const GITLINK = 0o160000;

/** The agent's index as a snapshot keeps it. */
export interface Staged {
  /** Null on a worktree that has none yet. */
  readonly index: IndexFile | null;
  /** The tree of all entries without a conflict. */
  readonly tree: string;
  /** The index file without what belongs to one disk; null as `index`. */
  readonly bytes: Buffer | null;
  /** Equal hashes mean equal indexes, whatever their files' status. */
  readonly hash: string;
  /** Objects that only the index names: the sides of conflicts, and what resolved ones were before. */
  readonly objects: readonly string[];
}

/** Reads the agent's index, from a copy. `before` saves the work when it has not changed. */
export async function readStaged(
  git: Git,
  place: Place,
  state: AgentState,
  { before, command }: { before: Staged | null; command: GitCommand },
): Promise<Staged> {
  const whole = state.index === null ? null : await makeWhole(git, place, state.index, command);
  const bytes = whole === null ? null : withoutStatus(whole);
  const hash = createHash('sha1')
    .update(bytes ?? '')
    .digest('hex');
  if (before?.hash === hash) return { ...before, index: whole };
  const tree = await withPrivateRepo(git, place, command, async (own) => {
    if (bytes !== null) await writeFile(own.index, bytes);
    const conflicts = new Map<BytePath, null>();
    for (const { path, stage } of whole?.entries ?? []) if (stage > 0) conflicts.set(path, null);
    await setEntries(own, conflicts);
    return (await own.run(['write-tree', '--missing-ok'])).trim();
  });
  return { index: whole, tree, bytes, hash, objects: whole === null ? [] : objectsOf(whole) };
}

function objectsOf(index: IndexFile): string[] {
  const sides = index.entries.filter(({ stage, mode }) => stage > 0 && mode !== GITLINK);
  return [...new Set([...sides.map(({ oid }) => oid), ...undoBlobs(index)])];
}

/** An index that is split over two files, or leaves out folders, is first made whole by git. */
async function makeWhole(git: Git, place: Place, bytes: Buffer, command: GitCommand): Promise<IndexFile> {
  const index = parseIndex(bytes, place.store.format);
  if (index !== null) return index;
  const rewritten = await withPrivateRepo(git, place, command, async (own) => {
    await writeFile(own.index, bytes);
    const shared = (await readdir(place.admin)).filter((name) => /^sharedindex\.[0-9a-f]+$/.test(name));
    for (const name of shared) await copyFile(join(place.admin, name), join(own.gitDir, name));
    await own.run(['update-index', '--no-split-index', '--force-write-index', '--verbose']);
    return readFile(own.index);
  });
  const whole = parseIndex(rewritten, place.store.format);
  if (whole === null) throw new SnapshotError('misplaced', "git cannot make the worktree's index whole");
  return whole;
}
