import type { Git, GitCommand } from '../git/run-git.ts';
import type { CaptureRequest } from './capture.ts';
import { writeCommit, writeObject, writeTrees } from './object-store.ts';
import type { TreeEntry } from './object-store.ts';
import type { Place } from './place.ts';
import { STATE_TREE } from './saved-state.ts';
import type { SavedState } from './saved-state.ts';
import { runNamed } from './named-git.ts';
import type { Taken } from './take-worktree.ts';
import { messageOf, nameLeftOut, snapshotRef } from './snapshot-meta.ts';
import type { SnapshotMeta } from './snapshot-meta.ts';

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
  await runNamed(git, { gitDir: place.repo }, ['update-ref', '--stdin'], { ...command, input });
  return { commit, ref, meta };
}

/** The commit of what is not a file of the worktree; all commits that an operation in progress names are its parents. */
async function writeStateCommit({ place, state, staged, facts, heads }: Source, at: number): Promise<string> {
  const { store } = place;
  const files = [...state.files].map(([path, bytes]): [string, string] => [path, bytes.toString('base64')]);
  const saved = JSON.stringify({ index: staged.rest, facts, files } satisfies SavedState);
  const oid = await writeObject(store, 'blob', Buffer.from(saved));
  const entries = new Map<string, TreeEntry>([[STATE_TREE.state, { mode: '100644', oid }]]);
  const parents = new Set(heads.branchTip === null ? [] : [heads.branchTip]);
  for (const named of heads.named) {
    if (named.type === 'commit') parents.add(named.oid);
    if (named.type === 'blob')
      entries.set(`${STATE_TREE.objects}${named.oid}`, { mode: '100644', oid: named.oid });
    if (named.type === 'tree')
      entries.set(`${STATE_TREE.objects}${named.oid}`, { mode: '40000', oid: named.oid });
  }
  const tree = await writeTrees(store, entries);
  return writeCommit(store, { tree, parents: [...parents], at, message: 'state\n' });
}
