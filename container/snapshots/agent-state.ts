import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isAbsence } from '../git/worktree-marks.ts';
import { bytesOf } from '../files/read.ts';
import { SnapshotError } from './errors.ts';
import { stampOf } from './file-stamp.ts';
import type { Place } from './place.ts';
import { readRef } from './read-ref.ts';

/** How long an agent's own git command is waited for. A commit message that is being edited holds the lock longer. */
const LOCK_WAIT_MS = 1_000;
const LOCK_LOOK_MS = 10;

/**
 * What git keeps beside a worktree about an operation in progress (https://git-scm.com/docs/gitrepository-layout):
 * merge, rebase, cherry-pick, revert, bisect, am, and the refs of this worktree alone.
 */
const STATE_FILE =
  /^(?:MERGE_(?:HEAD|MSG|MODE|AUTOSTASH)|SQUASH_MSG|AUTO_MERGE|CHERRY_PICK_HEAD|REVERT_HEAD|REBASE_HEAD|ORIG_HEAD|BISECT_[A-Z_]+)$/;
/** Folders of an admin folder whose files travel with a snapshot. */
export const STATE_FOLDERS = ['rebase-merge', 'rebase-apply', 'sequencer', 'refs'];
const SPARSE = 'info/sparse-checkout';

/** Whether a path in an admin folder is part of the state that travels with a snapshot. */
export function isStatePath(path: string): boolean {
  if (STATE_FILE.test(path) || path === SPARSE) return true;
  const parts = path.split('/');
  const plain = parts.every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
  if (!plain || parts.length < 2) return false;
  // Refs of one worktree alone; all others are those of the repository.
  if (parts[0] === 'refs')
    return parts.length > 2 && ['bisect', 'worktree', 'rewritten'].includes(parts[1] ?? '');
  return STATE_FOLDERS.includes(parts[0] ?? '');
}

/** A worktree's HEAD, index and operations in progress, all of one moment. */
export interface AgentState {
  /** `ref` is null when HEAD is detached, `commit` on a branch without commits. */
  readonly head: { readonly ref: string | null; readonly commit: string | null };
  /** Where the branch of the worktree is, and where the remote had it, as far as is known here. */
  readonly branchTip: string | null;
  readonly upstream: string | null;
  readonly index: Buffer | null;
  /** When the index was written: entries that are younger cannot be told from changed ones by their status. */
  readonly indexMtimeMs: number;
  readonly files: ReadonlyMap<string, Buffer>;
  /** Equal keys mean that nothing of this has moved. */
  readonly key: string;
}

/** Reads the state, waiting for the agent's own git command if one holds the index. */
export async function readAgentState(place: Place, branch: string, signal: AbortSignal): Promise<AgentState> {
  await waitForLock(place.admin, signal);
  for (;;) {
    signal.throwIfAborted();
    const key = stateKey(place, branch);
    const file = join(place.admin, 'index');
    const indexMtimeMs = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const index = bytesOf(file);
    const head = readHead(place);
    const branchTip = readRef(place.repo, `refs/heads/${branch}`);
    const upstream = readRef(place.repo, `refs/remotes/origin/${branch}`);
    const files = readStateFiles(place.admin);
    const state = { head, branchTip, upstream, index, indexMtimeMs, files, key };
    if (stateKey(place, branch) === key) return state;
    await pause(1, undefined, { signal });
  }
}

async function waitForLock(admin: string, signal: AbortSignal): Promise<void> {
  const until = performance.now() + LOCK_WAIT_MS;
  const lock = join(admin, 'index.lock');
  while (existsSync(lock) && performance.now() < until) await pause(LOCK_LOOK_MS, undefined, { signal });
}

/** What tells whether HEAD, the index, or anything else of the state has moved since. */
export function stateKey(place: Place, branch: string): string {
  const { admin, repo } = place;
  const head = headText(place);
  const refs = new Set([`refs/heads/${branch}`, `refs/remotes/origin/${branch}`]);
  if (head.startsWith('ref: ')) refs.add(head.slice('ref: '.length));
  const hash = createHash('sha1').update(head);
  for (const ref of refs) hash.update(`${ref} `).update(bytesOf(join(repo, ref)) ?? '');
  const stamped = [join(repo, 'packed-refs'), ...[join(admin, 'index'), join(admin, 'index.lock')]];
  for (const path of stamped) hash.update(`${stampOf(path)}\n`);
  for (const [path, bytes] of readStateFiles(admin)) hash.update(`${path} ${bytes.length}\n`).update(bytes);
  return hash.digest('hex');
}

function headText({ admin }: Place): string {
  const head = bytesOf(join(admin, 'HEAD'));
  if (head === null) throw new SnapshotError('misplaced', `${admin} has no HEAD`);
  return head.toString().trim();
}

function readHead(place: Place): AgentState['head'] {
  const text = headText(place);
  const [, ref] = /^ref: (.+)$/.exec(text) ?? [];
  if (ref === undefined) return { ref: null, commit: text };
  // A HEAD on something that is no branch is as good as detached.
  return { ref: ref.startsWith('refs/heads/') ? ref : null, commit: readRef(place.repo, ref) };
}

function readStateFiles(admin: string): Map<string, Buffer> {
  const paths = [SPARSE];
  for (const entry of readdirSync(admin, { withFileTypes: true })) {
    if (entry.isFile() && STATE_FILE.test(entry.name)) paths.push(entry.name);
    if (entry.isDirectory() && STATE_FOLDERS.includes(entry.name))
      paths.push(...filesBelow(admin, entry.name));
  }
  const files = new Map<string, Buffer>();
  for (const path of paths.sort()) {
    const bytes = isStatePath(path) ? bytesOf(join(admin, path)) : null;
    if (bytes !== null) files.set(path, bytes);
  }
  return files;
}

function filesBelow(admin: string, folder: string): string[] {
  try {
    return readdirSync(join(admin, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return filesBelow(admin, path);
      return entry.isFile() ? [path] : [];
    });
  } catch (error) {
    // A rebase that ends removes its folder while it is read.
    if (isAbsence(error)) return [];
    throw error;
  }
}
