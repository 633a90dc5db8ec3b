import { lstatSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { setImmediate as breathe } from 'node:timers/promises';
import { onDisk } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';

/** Files looked at before other work of the process gets its turn: about 2 ms. */
const AT_ONCE = 512;

/** The kernel stamps files with the time of its last tick, at most this long ago. */
export const TICK_MS = 20;

/** What one look at a place on disk saw; times in epoch milliseconds. */
export interface Stamp {
  readonly mode: number;
  readonly size: number;
  readonly ino: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** `gone` is nobody there; `barred` is a place that may not be looked at. */
export type Look = Stamp | 'gone' | 'barred';

/** What was seen at many places. */
export interface Looks extends Iterable<[BytePath, Look]> {
  readonly size: number;
  get(path: BytePath): Look | undefined;
  has(path: BytePath): boolean;
  keys(): Iterable<BytePath>;
}

const KIND = 0o170000;
const KINDS = new Map([
  [0o040000, 'folder'],
  [0o100000, 'file'],
  [0o120000, 'link'],
  [0o010000, 'FIFO'],
  [0o140000, 'socket'],
  [0o060000, 'device'],
  [0o020000, 'device'],
] as const);

/** What kind of thing a stamp is of. */
export function kindOf(
  look: Look,
): 'folder' | 'file' | 'link' | 'FIFO' | 'socket' | 'device' | 'gone' | 'barred' {
  if (typeof look === 'string') return look;
  const bits = look.mode & KIND;
  for (const [kind, name] of KINDS) if (kind === bits) return name;
  return 'device';
}

/** Looks at one place, without following a link in its last part. */
export function lookAt(dir: string, path: BytePath): Look {
  let stats: Stats | undefined;
  try {
    stats = lstatSync(onDisk(dir, path), { throwIfNoEntry: false });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'gone';
    if (code === 'EACCES' || code === 'ELOOP' || code === 'ENAMETOOLONG') return 'barred';
    throw error;
  }
  if (stats === undefined) return 'gone';
  const { mode, size, ino, mtimeMs, ctimeMs } = stats;
  return { mode, size, ino, mtimeMs, ctimeMs };
}

/** Looks at many places. Done in turns on the main thread: asynchronous calls take ten times as long. */
export async function sweep(
  dir: string,
  paths: Iterable<BytePath>,
  signal: AbortSignal,
): Promise<Map<BytePath, Look>> {
  const looks = new Map<BytePath, Look>();
  for (const path of paths) {
    looks.set(path, lookAt(dir, path));
    if (looks.size % AT_ONCE !== 0) continue;
    await breathe();
    signal.throwIfAborted();
  }
  return looks;
}

/**
 * Looks again at places that were looked at `before`. What has another stamp is `changed`, and so is what may have
 * changed since without that, for it had only just been written at `since`.
 */
export async function sweepAgain(
  dir: string,
  before: Looks,
  { since, signal }: { since: number; signal: AbortSignal },
): Promise<{ looks: Looks; changed: BytePath[] }> {
  const changed: BytePath[] = [];
  const fresh = new Map<BytePath, Look>();
  let count = 0;
  for (const [path, earlier] of before) {
    const look = lookAt(dir, path);
    const same = isSame(earlier, look);
    if (!same) fresh.set(path, look);
    if (!same || isRacy(look, since)) changed.push(path);
    count += 1;
    if (count % AT_ONCE !== 0) continue;
    await breathe();
    signal.throwIfAborted();
  }
  // Mostly nothing has changed, and what is known already is not made anew.
  return { looks: fresh.size === 0 ? before : new Map([...before, ...fresh]), changed };
}

/** Whether two looks saw the same thing, unchanged. */
export function isSame(one: Look | undefined, other: Look): boolean {
  if (one === undefined || typeof one === 'string' || typeof other === 'string') return one === other;
  return (
    one.mtimeMs === other.mtimeMs &&
    one.ctimeMs === other.ctimeMs &&
    one.size === other.size &&
    one.ino === other.ino &&
    one.mode === other.mode
  );
}

/** Whether what was seen at `at` may change again without its stamp changing: it had only just been written. */
export function isRacy(look: Look, at: number): boolean {
  return typeof look !== 'string' && look.ctimeMs >= at - TICK_MS;
}
