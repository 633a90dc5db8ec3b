import type { BytePath } from './byte-path.ts';
import { sortCandidates } from './candidates.ts';
import type { Refusal, Sorted } from './candidates.ts';
import { GITLINK } from './index-file.ts';
import type { IndexFile } from './index-file.ts';
import { findOddPlaces, foldersAbove } from './odd-places.ts';
import { addFiles, harvestSeed, listNew, plantSeed, setEntries } from './own-index.ts';
import type { Place } from './place.ts';
import type { PrivateRepo } from './private-repo.ts';
import type { Moves, OddPlaces, Seen } from './seen.ts';
import { kindOf, lookAt, sweep } from './sweep.ts';
import type { Look } from './sweep.ts';
import { fitTotal } from './total-size.ts';
import { modesOf, unchangedByStatus } from './worktree-facts.ts';
import type { WorktreeFacts } from './worktree-facts.ts';

/** What a tree is taken from. Without `seen` everything is read. */
export interface TreeTask {
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
export async function takeTree(task: TreeTask): Promise<TakenTree> {
  const { own, place, seen, moves, maxFileBytes } = task;
  await plantSeed(own, seen?.seed ?? null);
  const gitlinks = gitlinksOf(task);
  // Before the listing: git does not look for files in a submodule that the index knows.
  await setEntries(own, differing(gitlinks, seen?.pinned));
  const listing = await listNew(own, moves.changedFolders);
  const candidates = new Set([...moves.changedFiles, ...listing.files, ...newInIndex(task)]);
  const sorted = sortCandidates(place.dir, candidates, { looks: moves.files, maxFileBytes });
  for (const [path, refusal] of await addFiles(own, sorted.add)) sorted.refused.set(path, refusal);
  const files = filesAfter(moves, sorted);
  const leftOut = await fitTotal(task, { files, leftOut: leftOutAfter(task, sorted, files) });
  const pinned = new Map([...gitlinks, ...earlierVersions(task, leftOut)]);
  await settle(task, { sorted, leftOut, pinned });
  const known = [...(seen?.odd.nested ?? [])].filter((path) => !listing.covers(path));
  const nested = new Set([...known, ...listing.nested].filter((path) => !gitlinks.has(path)));
  // Git writes the tree while everything else is looked at.
  const [tree, { odd, folders, facts }] = await Promise.all([
    own.run(['write-tree', '--missing-ok']),
    lookAround(task, { files, nested, gitlinks }),
  ]);
  const seed = await harvestSeed(own);
  const now: Seen = { at: moves.at, files, folders, leftOut, pinned, odd, seed, rules: task.rules };
  return { tree: tree.trim(), seen: now, facts };
}

interface Found {
  readonly files: ReadonlyMap<BytePath, Look>;
  readonly nested: ReadonlySet<BytePath>;
  readonly gitlinks: ReadonlyMap<BytePath, string>;
}

/** Everything that is not the content of files. */
async function lookAround(
  task: TreeTask,
  found: Found,
): Promise<Pick<Seen, 'odd' | 'folders'> & Pick<TakenTree, 'facts'>> {
  const { files, nested, gitlinks } = found;
  const odd = await lookForOddPlaces(task, found);
  const inhabited = [...foldersAbove([...files.keys(), ...odd.bare, ...nested]), ...odd.bare, ...nested];
  const folders = await sweepAgain(task, ['', ...inhabited, ...gitlinks.keys()]);
  const facts: WorktreeFacts = {
    modes: modesOf(files, folders),
    bareFolders: [...odd.bare].sort(),
    unchanged: unchangedByStatus(task.index, task.indexMtimeMs, files),
  };
  return { odd, folders, facts };
}

/** The submodules of the index that have a folder. */
function gitlinksOf({ index, place }: TreeTask): Map<BytePath, string> {
  const gitlinks = new Map<BytePath, string>();
  for (const { path, mode, oid, stage } of index?.entries ?? []) {
    if (mode !== GITLINK || stage !== 0 || kindOf(lookAt(place.dir, path)) !== 'folder') continue;
    gitlinks.set(path, `160000 ${oid}`);
  }
  return gitlinks;
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
  files: ReadonlyMap<BytePath, Look>,
): Map<BytePath, Refusal> {
  const leftOut = new Map(sorted.refused);
  for (const [path, refusal] of seen?.leftOut ?? []) {
    if (files.has(path) && !sorted.looks.has(path)) leftOut.set(path, refusal);
  }
  return leftOut;
}

/** What the agent's index has in the place of files that are left out: better than a file that seems deleted. */
function earlierVersions(
  { index }: TreeTask,
  leftOut: ReadonlyMap<BytePath, Refusal>,
): Map<BytePath, string> {
  const versions = new Map<BytePath, string>();
  if (leftOut.size === 0) return versions;
  for (const { path, mode, oid, stage, intentToAdd } of index?.entries ?? []) {
    if (stage !== 0 || intentToAdd || mode === GITLINK || !leftOut.has(path)) continue;
    versions.set(path, `${mode.toString(8)} ${oid}`);
  }
  return versions;
}

function differing(
  wanted: ReadonlyMap<BytePath, string>,
  before: ReadonlyMap<BytePath, string> = new Map(),
): Map<BytePath, string> {
  return new Map([...wanted].filter(([path, entry]) => before.get(path) !== entry));
}

/** Takes from the private index what is not in the worktree any more or left out, and puts in what stands for it. */
async function settle(
  { own, seen }: TreeTask,
  { sorted, leftOut, pinned }: Pick<Seen, 'leftOut' | 'pinned'> & { sorted: Sorted },
): Promise<void> {
  const entries = new Map<BytePath, string | null>();
  for (const path of sorted.gone) if (seen?.files.has(path) === true) entries.set(path, null);
  for (const path of leftOut.keys()) if (seen?.leftOut.has(path) !== true) entries.set(path, null);
  for (const path of seen?.pinned.keys() ?? []) {
    if (!pinned.has(path) && !sorted.looks.has(path)) entries.set(path, null);
  }
  for (const [path, entry] of differing(pinned, seen?.pinned)) entries.set(path, entry);
  await setEntries(own, entries);
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
  return { bare, special, nested, ignored };
}

/** The folders as they were seen before the listing, so that what came into them since is found the next time. */
async function sweepAgain(
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
