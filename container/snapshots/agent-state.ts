import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isAbsence, readIfThere } from '../git/worktree-marks.ts';
import type { Place } from './place.ts';

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
  /** The text of the HEAD file: `ref: …`, or a commit. */
  readonly head: string;
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
    const key = await stateKey(place, branch);
    const index = await readIndex(place.admin);
    const [head, files] = await Promise.all([
      readFile(join(place.admin, 'HEAD'), 'utf8'),
      readStateFiles(place.admin),
    ]);
    if ((await stateKey(place, branch)) === key) return { head: head.trim(), ...index, files, key };
  }
}

async function waitForLock(admin: string, signal: AbortSignal): Promise<void> {
  const until = performance.now() + LOCK_WAIT_MS;
  const lock = join(admin, 'index.lock');
  while (existsSync(lock) && performance.now() < until) await pause(LOCK_LOOK_MS, undefined, { signal });
}

async function readIndex(admin: string): Promise<Pick<AgentState, 'index' | 'indexMtimeMs'>> {
  const path = join(admin, 'index');
  try {
    const { mtimeMs } = await lstat(path);
    return { index: await readFile(path), indexMtimeMs: mtimeMs };
  } catch (error) {
    if (isAbsence(error)) return { index: null, indexMtimeMs: 0 };
    throw error;
  }
}

/** What tells whether HEAD, the index, or anything else of the state has moved since. */
export async function stateKey({ admin, repo }: Place, branch: string): Promise<string> {
  const head = await readFile(join(admin, 'HEAD'), 'utf8');
  const refs = new Set([`refs/heads/${branch}`]);
  if (head.startsWith('ref: ')) refs.add(head.slice('ref: '.length).trim());
  const hash = createHash('sha1');
  hash.update(head);
  for (const ref of refs) hash.update(`${ref} ${await looseRef(join(repo, ref))}\n`);
  for (const path of ['packed-refs', 'reftable/tables.list', 'info/exclude', 'config']) {
    hash.update(`${path} ${await stampOf(join(repo, path))}\n`);
  }
  for (const path of ['index', 'index.lock']) hash.update(`${path} ${await stampOf(join(admin, path))}\n`);
  for (const [path, bytes] of await readStateFiles(admin))
    hash.update(`${path} ${bytes.length}\n`).update(bytes);
  return hash.digest('hex');
}

async function looseRef(path: string): Promise<string> {
  try {
    return (await readIfThere(path)) ?? '';
  } catch (error) {
    // Where the ref would be there is a folder with refs below it.
    if (error instanceof Error && 'code' in error && error.code === 'EISDIR') return '';
    throw error;
  }
}

async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await lstat(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    if (isAbsence(error)) return 'absent';
    throw error;
  }
}

async function readStateFiles(admin: string): Promise<Map<string, Buffer>> {
  const top = await readdir(admin, { withFileTypes: true });
  const paths = top.filter((entry) => entry.isFile() && STATE_FILE.test(entry.name)).map(({ name }) => name);
  for (const { name } of top)
    if (STATE_FOLDERS.includes(name)) paths.push(...(await filesBelow(admin, name)));
  paths.push(SPARSE);
  const files = new Map<string, Buffer>();
  for (const path of paths.sort()) {
    if (!isStatePath(path)) continue;
    try {
      files.set(path, await readFile(join(admin, path)));
    } catch (error) {
      if (!isAbsence(error)) throw error;
    }
  }
  return files;
}

async function filesBelow(admin: string, folder: string): Promise<string[]> {
  try {
    const entries = await readdir(join(admin, folder), { withFileTypes: true });
    const below = entries.map(async (entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return filesBelow(admin, path);
      return entry.isFile() ? [path] : [];
    });
    return (await Promise.all(below)).flat();
  } catch (error) {
    // A rebase that ends removes its folder while it is read.
    if (isAbsence(error)) return [];
    throw error;
  }
}
