import type { Git } from '../git/run-git.ts';
import { folderOf } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
import { sortCandidates } from './candidates.ts';
import type { Refusal, Sorted } from './candidates.ts';
import { TreeEditor } from './file-tree.ts';
import type { TreeEntry } from './file-tree.ts';
import { GITLINK, GITLINK_MODE } from './index-file.ts';
import type { IndexFile } from './index-file.ts';
import { listNew } from './list-new.ts';
import type { Listing } from './list-new.ts';
import { findOddPlaces, foldersAbove } from './odd-places.ts';
import type { Place } from './place.ts';
import type { PrivateRepo } from './private-repo.ts';
import { PackedLooks } from './packed-looks.ts';
import { readBlobs } from './read-blobs.ts';
import type { Moves, OddPlaces, Seen } from './seen.ts';
import { isSame, kindOf, lookAt, sweep } from './sweep.ts';
import type { Look } from './sweep.ts';
import { leaveOutLargest } from './total-size.ts';
import { writeTrees } from './write-trees.ts';
import { modesOf, unchangedByStatus } from './worktree-facts.ts';
import type { WorktreeFacts } from './worktree-facts.ts';

/** What a tree is taken from. Without `seen` everything is read. */
export interface TreeTask {
  readonly git: Git;
  readonly own: PrivateRepo;
  readonly place: Place;
  /** The agent's index: what is in it belongs to the worktree, ignored or not. */
  readonly index: IndexFile | null;
  readonly indexMtimeMs: number;
  readonly seen: Seen | null;
  readonly moves: Moves;
  readonly rules: string;
  readonly maxFileBytes: number;
  readonly maxTotalBytes: number;
  readonly signal: AbortSignal;
}

/** The worktree as a tree object, and what was seen on the way. */
export interface TakenTree {
  readonly tree: string;
  readonly seen: Seen;
  readonly facts: WorktreeFacts;
}

/** Writes the files of the worktree, byte for byte, into the repository. */
export async function takeTree(given: TreeTask): Promise<TakenTree> {
  const gitlinks = gitlinksOf(given);
  const task = { ...given, moves: withTurned(given, gitlinks) };
  const { own, place, seen, moves, maxFileBytes } = task;
  const listing = await listNew(own, moves.changedFolders);
  const candidates = new Set([
    ...moves.changedFiles,
    ...newInListing(task, listing, gitlinks),
    ...newInIndex(task),
  ]);
  const sorted = sortCandidates(place.dir, candidates, { looks: moves.files, maxFileBytes });
  const files = filesAfter(moves, sorted);
  const known = [...(seen?.odd.nested ?? [])].filter((path) => !listing.covers(path));
  const nested = new Set([...known, ...listing.nested].filter((path) => !gitlinks.has(path)));
  // Git reads the files while everything else is looked at.
  const [blobs, { odd, folders, bareFolders, modes }] = await Promise.all([
    readBlobs(own, place, sorted),
    lookAround(task, { files, nested, gitlinks }),
  ]);
  const moved = movedSince(place.dir, sorted);
  const unchanged = unchangedByStatus(task.index, task.indexMtimeMs, { files, moved });
  const leftOut = leftOutAfter(task, sorted, { files, refused: blobs.refused });
  const tree = new TreeEditor(seen?.root ?? null);
  for (const path of [...sorted.gone, ...(seen?.submodules ?? [])])
    if (!gitlinks.has(path)) tree.remove(path);
  for (const [path, entry] of [...blobs.entries, ...gitlinks]) tree.set(path, entry);
  leaveOutLargest(task, { files, root: tree.root, leftOut });
  putEarlierVersions(task, tree, leftOut);
  const { tree: name, root } = await writeTrees(task.git, place, tree.root, { signal: task.signal });
  const submodules = new Set(gitlinks.keys());
  const looks = { files: new PackedLooks(files), folders: new PackedLooks(folders) };
  const now: Seen = { at: moves.at, ...looks, leftOut, root, submodules, odd, rules: task.rules };
  return { tree: name, seen: now, facts: { modes, bareFolders, unchanged } };
}

interface Found {
  readonly files: ReadonlyMap<BytePath, Look>;
  readonly nested: ReadonlySet<BytePath>;
  readonly gitlinks: ReadonlyMap<BytePath, TreeEntry>;
}

/** Everything that is not the content of files. */
async function lookAround(
  task: TreeTask,
  found: Found,
): Promise<Pick<Seen, 'odd' | 'folders'> & Omit<WorktreeFacts, 'unchanged'>> {
  const { files, nested, gitlinks } = found;
  const odd = await lookForOddPlaces(task, found);
  const inhabited = [...foldersAbove([...files.keys(), ...odd.bare, ...nested]), ...odd.bare, ...nested];
  const folders = await foldersAfter(task, ['', ...inhabited, ...gitlinks.keys()]);
  return { odd, folders, bareFolders: [...odd.bare].sort(), modes: modesOf(files, folders) };
}

/** The files that are no longer what they were when they were looked at, before they were read. */
function movedSince(dir: string, { add, looks }: Sorted): Set<BytePath> {
  return new Set(add.filter((path) => !isSame(looks.get(path), lookAt(dir, path))));
}

/** The submodules of the index that have a folder. */
function gitlinksOf({ index, place }: TreeTask): Map<BytePath, TreeEntry> {
  const gitlinks = new Map<BytePath, TreeEntry>();
  for (const { path, mode, oid, stage } of index?.entries ?? []) {
    if (mode !== GITLINK || stage !== 0 || kindOf(lookAt(place.dir, path)) !== 'folder') continue;
    gitlinks.set(path, { mode: GITLINK_MODE, oid });
  }
  return gitlinks;
}

/** A folder that became a submodule, or is one no longer, holds other things of the worktree than before. */
function withTurned({ seen, moves }: TreeTask, gitlinks: ReadonlyMap<BytePath, TreeEntry>): Moves {
  if (seen === null) return moves;
  const turned = [
    ...[...gitlinks.keys()].filter((path) => !seen.submodules.has(path)),
    ...[...seen.submodules].filter((path) => !gitlinks.has(path)),
  ];
  if (turned.length === 0) return moves;
  return { ...moves, changedFolders: [...new Set([...moves.changedFolders, ...turned])] };
}

/** A submodule is not looked into, whether or not it is a repository at the moment. */
function newInListing(
  { moves }: TreeTask,
  { files }: Listing,
  gitlinks: ReadonlyMap<BytePath, TreeEntry>,
): BytePath[] {
  const fresh = files.filter((path) => !moves.files.has(path));
  if (gitlinks.size === 0) return fresh;
  return fresh.filter((path) => {
    for (let folder = folderOf(path); folder !== ''; folder = folderOf(folder)) {
      if (gitlinks.has(folder)) return false;
    }
    return true;
  });
}

function newInIndex({ index, moves }: TreeTask): BytePath[] {
  const paths = [];
  for (const { path, mode } of index?.entries ?? []) {
    if (mode !== GITLINK && !moves.files.has(path)) paths.push(path);
  }
  return paths;
}

function filesAfter(moves: Moves, { gone, looks }: Sorted): Map<BytePath, Look> {
  const files = new Map(moves.files);
  for (const path of gone) files.delete(path);
  for (const [path, look] of looks) files.set(path, look);
  return files;
}

function leftOutAfter(
  { seen }: TreeTask,
  sorted: Sorted,
  { files, refused }: { files: ReadonlyMap<BytePath, Look>; refused: ReadonlyMap<BytePath, Refusal> },
): Map<BytePath, Refusal> {
  const leftOut = new Map([...sorted.refused, ...refused]);
  for (const [path, refusal] of seen?.leftOut ?? []) {
    if (files.has(path) && !sorted.looks.has(path)) leftOut.set(path, refusal);
  }
  return leftOut;
}

/** In the place of files that are left out comes what the agent's index has: better than files that seem deleted. */
function putEarlierVersions(
  { index }: TreeTask,
  tree: TreeEditor,
  leftOut: ReadonlyMap<BytePath, Refusal>,
): void {
  if (leftOut.size === 0) return;
  for (const path of leftOut.keys()) tree.remove(path);
  for (const { path, mode, oid, stage, intentToAdd } of index?.entries ?? []) {
    if (stage !== 0 || intentToAdd || mode === GITLINK || !leftOut.has(path)) continue;
    tree.set(path, { mode: mode.toString(8), oid });
  }
}

async function lookForOddPlaces(
  { own, place: { dir }, seen, moves }: TreeTask,
  { files, nested, gitlinks }: Found,
): Promise<OddPlaces> {
  if (seen !== null && moves.changedFolders.length === 0) return seen.odd;
  const inhabited = foldersAbove(files.keys());
  const known = new Set([...inhabited, ...nested, ...gitlinks.keys()]);
  const bare = new Set<BytePath>();
  for (const path of moves.folders.keys()) {
    if (path !== '' && !known.has(path) && kindOf(lookAt(dir, path)) === 'folder') bare.add(path);
  }
  const isSpecial = (path: BytePath): boolean =>
    ['FIFO', 'socket', 'device'].includes(kindOf(lookAt(dir, path)));
  const special = new Set([...(seen?.odd.special ?? [])].filter(isSpecial));
  const ignored = new Set(seen?.odd.ignored);
  const unseen = [...inhabited].filter((folder) => !moves.folders.has(folder));
  const scan = moves.changedFolders.filter((folder) => !nested.has(folder) && !gitlinks.has(folder));
  await findOddPlaces({ own, dir, known, bare, special, ignored }, [...scan, ...unseen]);
  // One in the place of a tracked file is among the files that are left out.
  for (const path of special) if (files.has(path)) special.delete(path);
  return { bare, special, nested, ignored };
}

/** The folders as they were seen before the listing, so that what came into them since is found the next time. */
async function foldersAfter(
  { place, moves, signal }: TreeTask,
  folders: Iterable<BytePath>,
): Promise<Map<BytePath, Look>> {
  const all = new Set(folders);
  const unseen = [...all].filter((folder) => !moves.folders.has(folder));
  const looks = await sweep(place.dir, unseen, signal);
  for (const folder of all) {
    const look = moves.folders.get(folder);
    if (look !== undefined) looks.set(folder, look);
  }
  return looks;
}
