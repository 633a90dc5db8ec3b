import { closeSync, constants, readSync } from 'node:fs';
import { join } from 'node:path';
import { ownerOf } from '../files/owner.ts';
import { openPlain } from '../files/plain-path.ts';
import { removeTree } from '../files/write.ts';
import type { KnownSecrets } from '../known-secrets.ts';
import { onDisk, readablePath } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
import { copyDatabase, isDatabase } from './copy-database.ts';
import { writeObject } from './object-store.ts';
import type { ObjectStore } from './object-store.ts';
import { makeFolderOfOwn } from './private-repo.ts';
import { findSessionFiles } from './session-files.ts';
import type { LeftOut } from './snapshot-meta.ts';
import { isRacy } from './sweep.ts';

/** Conversations grow at their end, and databases change by pages: most chunks of a file are those of the last snapshot. */
const CHUNK_BYTES = 256 * 1024;

/** An agent's session as it goes into a snapshot. */
export interface TakenSession {
  /** By path below HOME, in order: the names of a file's chunks. */
  readonly files: ReadonlyMap<BytePath, readonly string[]>;
  readonly leftOut: readonly LeftOut[];
  /** Of all files, also of those left out; empty where the file may have changed again since, with the same stamp. */
  readonly stamps: ReadonlyMap<BytePath, string>;
}

/** Whose session is read, into which repository; `secrets` are blotted out of it. */
export interface SessionTask {
  readonly home: string;
  readonly repo: string;
  readonly store: ObjectStore;
  readonly before: TakenSession | null;
  readonly maxBytes: number;
  readonly secrets: KnownSecrets;
  readonly signal: AbortSignal;
}

/**
 * Puts an agent's session into the repository. It must never keep the agent's work from being saved: a file that cannot be
 * read is left out and named, and so is what exceeds `maxBytes`, the oldest first.
 */
export async function takeSession(task: SessionTask): Promise<TakenSession> {
  const { home, before, maxBytes } = task;
  const [taken, stamps, leftOut]: [[BytePath, readonly string[]][], Map<BytePath, string>, LeftOut[]] = [
    [],
    new Map(),
    [],
  ];
  let total = 0;
  for (const { path, look, stamp } of findSessionFiles(home).sort(
    (a, b) => b.look.mtimeMs - a.look.mtimeMs,
  )) {
    const { size: bytes } = look;
    const at = Date.now();
    let chunks: readonly string[] | string;
    if (total + bytes > maxBytes) chunks = `the agent's session would be larger than ${maxBytes} bytes`;
    else {
      const known = before?.stamps.get(path) === stamp ? before.files.get(path) : undefined;
      chunks = known ?? (await takeFile(task, path));
    }
    stamps.set(path, isRacy(look, at) ? '' : stamp);
    if (typeof chunks === 'string') leftOut.push({ path: `~/${readablePath(path)}`, reason: chunks, bytes });
    else {
      total += bytes;
      taken.push([path, chunks]);
    }
  }
  return { files: new Map(taken.sort(([a], [b]) => (a < b ? -1 : 1))), leftOut, stamps };
}

/** Whether nothing of the session has changed since it was taken. */
export function isSameSession(home: string, { stamps }: TakenSession): boolean {
  const files = findSessionFiles(home);
  return files.length === stamps.size && files.every(({ path, stamp }) => stamps.get(path) === stamp);
}

/** The chunks of a file, or the reason why it cannot be had. */
async function takeFile(task: SessionTask, path: BytePath): Promise<readonly string[] | string> {
  let fd: number | null = null;
  try {
    // What came into the place of the file since may be a link, or a FIFO that nobody writes to.
    fd = openPlain(onDisk(task.home, path), constants.O_RDONLY);
    if (!isDatabase(fd)) return await writeChunks(task, fd);
    return await takeDatabase(task, path);
  } catch (error) {
    task.signal.throwIfAborted();
    return `could not be read (${error instanceof Error ? error.message : String(error)})`;
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

async function takeDatabase(task: SessionTask, path: BytePath): Promise<readonly string[]> {
  const owner = ownerOf(task.home);
  const folder = makeFolderOfOwn(task.repo, owner);
  try {
    const copy = join(folder, 'copy');
    await copyDatabase(join(task.home, readablePath(path)), copy, owner);
    const fd = openPlain(copy, constants.O_RDONLY);
    try {
      return await writeChunks(task, fd);
    } finally {
      closeSync(fd);
    }
  } finally {
    await removeTree(folder);
  }
}

async function writeChunks({ store, secrets, signal, maxBytes }: SessionTask, fd: number): Promise<string[]> {
  const chunks: string[] = [];
  // A secret may lie across the border of two chunks: each is read with a margin on both sides.
  const margin = secrets.longestBytes;
  const window = Buffer.alloc(CHUNK_BYTES + 2 * margin);
  for (let start = 0; start <= maxBytes; start += CHUNK_BYTES) {
    signal.throwIfAborted();
    const from = Math.max(0, start - margin);
    const bytesRead = readSync(fd, window, 0, start - from + CHUNK_BYTES + margin, from);
    const read = window.subarray(0, bytesRead);
    secrets.blotOut(read);
    const chunk = read.subarray(start - from, start - from + CHUNK_BYTES);
    if (chunk.length === 0 && start > 0) break;
    chunks.push(await writeObject(store, 'blob', chunk));
  }
  return chunks;
}
