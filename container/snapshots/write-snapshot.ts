import type { Git, GitCommand } from '../git/run-git.ts';
import type { CaptureRequest } from './capture.ts';
import { writeCommit, writeObject } from './object-store.ts';
import type { Place } from './place.ts';
import { chunkPath, STATE_TREE } from './saved-state.ts';
import type { SavedState } from './saved-state.ts';
import { FOLDER_MODE, TreeEditor } from './file-tree.ts';
import { runNamed } from './named-git.ts';
import { writeTrees } from './write-trees.ts';
import type { Taken } from './take-worktree.ts';
import { messageOf, nameLeftOut, snapshotRef } from './snapshot-meta.ts';
import type { SnapshotMeta } from './snapshot-meta.ts';

interface Source extends Taken {
  /** From when on, in epoch milliseconds, a change may be missing. */
  readonly at: number;
  readonly place: Place;
  readonly command: GitCommand;
}

/** Writes the commits of a snapshot and the ref that keeps them. */
export async function writeSnapshot(
  git: Git,
  request: CaptureRequest,
  source: Source,
): Promise<{ commit: string; ref: string; meta: SnapshotMeta }> {
  const { at, place, tree, staged, command } = source;
  const { head, branchTip, upstream } = source.state;
  const { agent, seq } = request;
  const headParents = head.commit === null ? [] : [head.commit];
  const index = await writeCommit(place.store, {
    tree: staged.tree,
    parents: headParents,
    at,
    message: 'index\n',
  });
  const state = await writeStateCommit(git, source);
  const meta: SnapshotMeta = {
    version: 1,
    rig: request.rig,
    agent,
    bead: request.bead,
    branch: request.branch,
    generation: request.generation,
    seq,
    at,
    head,
    branchTip,
    upstream,
    index,
    state,
    ...nameLeftOut([...source.leftOut, ...source.session.leftOut]),
  };
  const parents = [...headParents, index, state];
  const commit = await writeCommit(place.store, { tree, parents, at, message: messageOf(meta) });
  const ref = snapshotRef(agent, seq);
  // In a transaction because git then answers: a command without a word is waited for longer.
  const input = `start\nupdate ${ref} ${commit}\ncommit\n`;
  await runNamed(git, { gitDir: place.repo }, ['update-ref', '--stdin'], { ...command, input });
  return { commit, ref, meta };
}

/** The commit of what is not a file of the worktree; all commits that an operation in progress names are its parents. */
async function writeStateCommit(git: Git, source: Source): Promise<string> {
  const { at, place, state, staged, facts, named, session, command } = source;
  const { store } = place;
  const files = [...state.files].map(([path, bytes]): [string, string] => [path, bytes.toString('base64')]);
  const saved = JSON.stringify({ index: staged.rest, facts, files } satisfies SavedState);
  const oid = await writeObject(store, 'blob', Buffer.from(saved));
  const tree = new TreeEditor(null);
  tree.set(STATE_TREE.state, { mode: '100644', oid });
  const parents = new Set(state.branchTip === null ? [] : [state.branchTip]);
  for (const { oid, type } of named.objects) {
    if (type === 'commit') parents.add(oid);
    const mode = type === 'tree' ? FOLDER_MODE : '100644';
    if (type === 'tree' || type === 'blob') tree.set(`${STATE_TREE.objects}${oid}`, { mode, oid });
  }
  for (const [path, chunks] of session.files) {
    for (const [n, oid] of chunks.entries()) tree.set(chunkPath(path, n), { mode: '100644', oid });
  }
  const written = await writeTrees(git, place, tree.root, command);
  return writeCommit(store, { tree: written.tree, parents: [...parents], at, message: 'state\n' });
}
