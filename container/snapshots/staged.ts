import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesOf } from '../files/read.ts';
import { writeWhole } from '../files/write.ts';
import type { Git, GitCommand } from '../git/run-git.ts';
import type { AgentState } from './agent-state.ts';
import type { BytePath } from './byte-path.ts';
import { SnapshotError } from './errors.ts';
import { entriesOf, TreeEditor } from './file-tree.ts';
import type { FolderNode } from './file-tree.ts';
import { GITLINK, parseIndex, undoBlobs } from './index-file.ts';
import type { IndexEntry, IndexFile, StagedEntry } from './index-file.ts';
import type { Place } from './place.ts';
import { withPrivateRepo } from './private-repo.ts';
import type { SavedIndex } from './saved-state.ts';
import { writeTrees } from './write-trees.ts';

/** The agent's index: as it is, and as a snapshot keeps it. */
export interface Staged {
  /** Null in a worktree that has none yet. */
  readonly index: IndexFile | null;
  /** The tree of the entries that a tree can hold: no conflicts, nothing that is only intended. */
  readonly tree: string;
  readonly root: FolderNode;
  /** All that the tree does not say of the index. */
  readonly rest: SavedIndex;
  /** Objects that only the index names: the sides of conflicts, and what resolved ones were before. */
  readonly objects: readonly string[];
  /** The index as it was read, to know it again. */
  readonly bytes: Buffer | null;
}

/** Reads the agent's index, from a copy. `before` saves the work when it has not changed. */
export async function readStaged(
  git: Git,
  place: Place,
  state: AgentState,
  { before, command }: { before: Staged | null; command: GitCommand },
): Promise<Staged> {
  const bytes = state.index;
  if (before !== null && bytes !== null && before.bytes?.equals(bytes) === true) return before;
  const { format } = place.store;
  const index = bytes === null ? null : await makeWhole(git, place, bytes, command);
  const inTree = (index?.entries ?? []).filter(({ stage, intentToAdd }) => stage === 0 && !intentToAdd);
  const editor = new TreeEditor(before?.root ?? null);
  const wanted = new Set<BytePath>();
  for (const { path, mode, oid } of inTree) {
    editor.set(path, { mode: mode.toString(8), oid });
    wanted.add(path);
  }
  for (const [path] of entriesOf(editor.root)) if (!wanted.has(path)) editor.remove(path);
  const { tree, root } = await writeTrees(git, place, editor.root, command);
  if (index === null) return { index, tree, root, rest: null, objects: [], bytes };
  const special = index.entries.filter(
    ({ stage, intentToAdd, skipWorktree, assumeUnchanged }) =>
      stage > 0 || intentToAdd || skipWorktree || assumeUnchanged,
  );
  const sides = special.filter(({ stage, mode }) => stage > 0 && mode !== GITLINK).map(({ oid }) => oid);
  const rest = {
    special: special.map(withoutStatus),
    undo: index.undo.toString('base64'),
  };
  return {
    index,
    tree,
    root,
    rest,
    objects: [...new Set([...sides, ...undoBlobs(index.undo, format)])],
    bytes,
  };
}

function withoutStatus(entry: IndexEntry): StagedEntry {
  const { path, mode, oid, stage, assumeUnchanged, skipWorktree, intentToAdd } = entry;
  return { path, mode, oid, stage, assumeUnchanged, skipWorktree, intentToAdd };
}

/** An index that is split over two files, or leaves out folders, is first made whole by git. */
async function makeWhole(git: Git, place: Place, bytes: Buffer, command: GitCommand): Promise<IndexFile> {
  const index = parseIndex(bytes, place.store.format);
  if (index !== null) return index;
  const rewritten = await withPrivateRepo(git, place, command, async (own) => {
    writeWhole(own.index, bytes);
    const shared = (await readdir(place.admin)).filter((name) => /^sharedindex\.[0-9a-f]+$/.test(name));
    for (const name of shared) {
      const part = bytesOf(join(place.admin, name));
      if (part !== null) writeWhole(join(own.gitDir, name), part);
    }
    await own.run(['update-index', '--no-split-index', '--force-write-index', '--verbose']);
    return bytesOf(own.index);
  });
  const whole = rewritten === null ? null : parseIndex(rewritten, place.store.format);
  if (whole === null) throw new SnapshotError('misplaced', "git cannot make the worktree's index whole");
  return whole;
}
