import type { Git, GitCommand } from '../git/run-git.ts';
import type { CaptureRequest, Taken } from './capture.ts';
import { writeCommit, writeObject, writeTrees } from './object-store.ts';
import type { TreeEntry } from './object-store.ts';
import type { Place } from './place.ts';
import { messageOf, nameLeftOut, snapshotRef } from './snapshot-meta.ts';
import type { SnapshotMeta } from './snapshot-meta.ts';

/** Names in the tree of a snapshot's state commit. */
export const STATE_TREE = {
  index: 'index',
  facts: 'worktree.json',
  files: 'git/',
  objects: 'objects/',
} as const;

interface Source extends Taken {
  readonly place: Place;
  readonly command: GitCommand;
}

/** Writes the commits of a snapshot and the ref that keeps them. */
export async function writeSnapshot(
  git: Git,
  request: CaptureRequest,
  source: Source,
): Promise<{ commit: string; ref: string; meta: SnapshotMeta }> {
  const { place, tree, staged, heads, command } = source;
  const { agent, seq, at = Date.now() } = request;
  const headParents = heads.head.commit === null ? [] : [heads.head.commit];
  const index = await writeCommit(place.store, {
    tree: staged.tree,
    parents: headParents,
    at,
    message: 'index\n',
  });
  const state = await writeStateCommit(source, at);
  const meta: SnapshotMeta = {
    version: 1,
    rig: request.rig,
    agent,
    bead: request.bead,
    branch: request.branch,
    generation: request.generation,
    seq,
    at,
    head: heads.head,
    branchTip: heads.branchTip,
    upstream: heads.upstream,
    index,
    state,
    ...nameLeftOut(source.leftOut),
  };
  const parents = [...headParents, index, state];
  const commit = await writeCommit(place.store, { tree, parents, at, message: messageOf(meta) });
  const ref = snapshotRef(agent, seq);
  // In a transaction because git then answers: a command without a word is waited for longer.
  const input = `start\nupdate ${ref} ${commit}\ncommit\n`;
  await git.run(place.repo, [`--git-dir=${place.repo}`, 'update-ref', '--stdin'], { ...command, input });
  return { commit, ref, meta };
}

/** The commit of what is not a file of the worktree; all commits that an operation in progress names are its parents. */
async function writeStateCommit({ place, state, staged, facts, heads }: Source, at: number): Promise<string> {
  const { store } = place;
  const entries = new Map<string, TreeEntry>();
  const put = async (path: string, bytes: Buffer): Promise<void> => {
    entries.set(path, { mode: '100644', oid: await writeObject(store, 'blob', bytes) });
  };
  if (staged.bytes !== null) await put(STATE_TREE.index, staged.bytes);
  await put(STATE_TREE.facts, Buffer.from(JSON.stringify(facts)));
  for (const [path, bytes] of state.files) await put(`${STATE_TREE.files}${path}`, bytes);
  const parents = new Set(heads.branchTip === null ? [] : [heads.branchTip]);
  for (const { oid, type } of heads.named) {
    if (type === 'commit') parents.add(oid);
    if (type === 'blob') entries.set(`${STATE_TREE.objects}${oid}`, { mode: '100644', oid });
    if (type === 'tree') entries.set(`${STATE_TREE.objects}${oid}`, { mode: '40000', oid });
  }
  const tree = await writeTrees(store, entries);
  return writeCommit(store, { tree, parents: [...parents], at, message: 'state\n' });
}
