import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { BytePath } from './byte-path.ts';
import { SnapshotError } from './errors.ts';

export type ObjectFormat = 'sha1' | 'sha256';

/** One entry of an index: what is staged. `stage` is 1 to 3 for the sides of a conflict. */
export interface StagedEntry {
  readonly path: BytePath;
  readonly mode: number;
  readonly oid: string;
  readonly stage: number;
  readonly assumeUnchanged: boolean;
  readonly skipWorktree: boolean;
  readonly intentToAdd: boolean;
}

/** An entry with the status of its file when git last compared it, as it is in the index: 40 bytes. */
export interface IndexEntry extends StagedEntry {
  readonly status: Buffer;
}

/** An index file, parsed; `undo` is the "resolve undo" extension with its header, empty where there is none. */
export interface IndexFile {
  readonly entries: readonly IndexEntry[];
  readonly undo: Buffer;
}

export const GITLINK = 0o160000;
export const GITLINK_MODE = GITLINK.toString(8);

const HEADER = 12;
const STATUS = 40;
const MODE_AT = 24;
const [ASSUME_UNCHANGED, EXTENDED, NAME_MAX] = [0x8000, 0x4000, 0xfff];
const [SKIP_WORKTREE, INTENT_TO_ADD] = [0x4000, 0x2000];

/**
 * Reads an index of version 2, 3 or 4 (https://git-scm.com/docs/gitformat-index). Null when it is split or sparse, and
 * git has to make it whole first; a SnapshotError `misplaced` when it is damaged.
 */
export function parseIndex(bytes: Buffer, format: ObjectFormat): IndexFile | null {
  try {
    const { entries, end } = readEntries(bytes, format);
    const extensions = readExtensions(bytes.subarray(end, -hashSizeOf(format)));
    // These two change what the entries mean.
    if (extensions.has('link') || extensions.has('sdir')) return null;
    let kept = new WeakRef(entries);
    return {
      // Read again after a while: they take ten times the memory of the bytes, and are seldom wanted.
      get entries() {
        const still = kept.deref() ?? readEntries(bytes, format).entries;
        if (kept.deref() === undefined) kept = new WeakRef(still);
        return still;
      },
      undo: extensions.get('REUC') ?? Buffer.alloc(0),
    };
  } catch (error) {
    if (error instanceof RangeError) throw damaged('ends too early', error);
    throw error;
  }
}

function readEntries(bytes: Buffer, format: ObjectFormat): { entries: IndexEntry[]; end: number } {
  const version = bytes.readUInt32BE(4);
  if (bytes.toString('latin1', 0, 4) !== 'DIRC' || version < 2 || version > 4) throw damaged('is none');
  const entries: IndexEntry[] = [];
  const afterOid = STATUS + hashSizeOf(format);
  let at = HEADER;
  let path = '';
  for (let count = bytes.readUInt32BE(8); count > 0; count -= 1) {
    const flags = bytes.readUInt16BE(at + afterOid);
    const isExtended = (flags & EXTENDED) !== 0;
    const more = isExtended ? bytes.readUInt16BE(at + afterOid + 2) : 0;
    let name = at + afterOid + (isExtended ? 4 : 2);
    let kept = '';
    if (version === 4) {
      const strip = readVarint(bytes, name);
      kept = path.slice(0, path.length - strip.value);
      name = strip.end;
    }
    const end = bytes.indexOf(0, name);
    if (end < 0) throw damaged('ends too early');
    path = kept + bytes.toString('latin1', name, end);
    entries.push({
      path,
      mode: bytes.readUInt32BE(at + MODE_AT),
      oid: bytes.toString('hex', at + STATUS, at + afterOid),
      stage: (flags >> 12) & 3,
      assumeUnchanged: (flags & ASSUME_UNCHANGED) !== 0,
      skipWorktree: (more & SKIP_WORKTREE) !== 0,
      intentToAdd: (more & INTENT_TO_ADD) !== 0,
      status: bytes.subarray(at, at + STATUS),
    });
    // Entries of the older versions are padded with 1 to 8 NULs to a multiple of 8.
    at = version === 4 ? end + 1 : at + ((end - at + 8) & ~7);
  }
  return { entries, end: at };
}

function readExtensions(bytes: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (let at = 0; at < bytes.length;) {
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    found.set(bytes.toString('latin1', at, at + 4), bytes.subarray(at, end));
    at = end;
  }
  return found;
}

/** The offset encoding of packs, which version 4 uses for path compression. */
function readVarint(bytes: Buffer, from: number): { value: number; end: number } {
  let end = from;
  let byte = bytes.readUInt8(end++);
  let value = byte & 127;
  while ((byte & 128) !== 0) {
    byte = bytes.readUInt8(end++);
    value = ((value + 1) << 7) + (byte & 127);
  }
  return { value, end };
}

function damaged(what: string, cause?: unknown): SnapshotError {
  return new SnapshotError('misplaced', `the worktree's index ${what}`, { cause });
}

/** An index of version 2, or 3 where its flags need that. Entries without a status are compared by git when it looks. */
export function indexBytes(
  entries: readonly (StagedEntry & { readonly status?: Buffer | null })[],
  format: ObjectFormat,
  undo: Buffer = Buffer.alloc(0),
): Buffer {
  // By name as bytes, which is the order of Latin-1 text.
  const sorted = [...entries].sort((one, other) =>
    one.path === other.path ? one.stage - other.stage : one.path < other.path ? -1 : 1,
  );
  const isExtended = (entry: StagedEntry): boolean => entry.skipWorktree || entry.intentToAdd;
  const header = Buffer.alloc(HEADER);
  header.write('DIRC');
  header.writeUInt32BE(sorted.some(isExtended) ? 3 : 2, 4);
  header.writeUInt32BE(sorted.length, 8);
  const body = Buffer.concat([
    header,
    ...sorted.map((entry) => entryBytes(entry, format, isExtended(entry))),
    undo,
  ]);
  return Buffer.concat([body, createHash(format).update(body).digest()]);
}

function entryBytes(
  entry: StagedEntry & { readonly status?: Buffer | null },
  format: ObjectFormat,
  isExtended: boolean,
): Buffer {
  const afterOid = STATUS + hashSizeOf(format);
  const name = afterOid + (isExtended ? 4 : 2);
  const bytes = Buffer.alloc((name + entry.path.length + 8) & ~7);
  entry.status?.copy(bytes);
  bytes.writeUInt32BE(entry.mode, MODE_AT);
  bytes.write(entry.oid, STATUS, 'hex');
  const flags =
    (entry.assumeUnchanged ? ASSUME_UNCHANGED : 0) | (isExtended ? EXTENDED : 0) | (entry.stage << 12);
  bytes.writeUInt16BE(flags | Math.min(entry.path.length, NAME_MAX), afterOid);
  const more = (entry.skipWorktree ? SKIP_WORKTREE : 0) | (entry.intentToAdd ? INTENT_TO_ADD : 0);
  if (isExtended) bytes.writeUInt16BE(more, afterOid + 2);
  bytes.write(entry.path, name, 'latin1');
  return bytes;
}

/** The status of a file as an index keeps it; the mode is the entry's own. */
export function statusBytes(stat: BigIntStats): Buffer {
  const [second, word] = [1_000_000_000n, 32];
  const bytes = Buffer.alloc(STATUS);
  const words = [
    ...[stat.ctimeNs / second, stat.ctimeNs % second, stat.mtimeNs / second, stat.mtimeNs % second],
    ...[stat.dev, stat.ino, 0n, stat.uid, stat.gid, stat.size],
  ];
  for (const [place, value] of words.entries()) {
    bytes.writeUInt32BE(Number(BigInt.asUintN(word, value)), place * 4);
  }
  return bytes;
}

/** What git compares first of a file: times in epoch milliseconds, and the low 32 bits of its number and size. */
export function statusOf({ status }: IndexEntry): {
  ctimeMs: number;
  mtimeMs: number;
  ino: number;
  size: number;
} {
  const time = (at: number): number => status.readUInt32BE(at) * 1000 + status.readUInt32BE(at + 4) / 1e6;
  return { ctimeMs: time(0), mtimeMs: time(8), ino: status.readUInt32BE(20), size: status.readUInt32BE(36) };
}

/** The blobs that "resolve undo" can bring back. */
export function undoBlobs(undo: Buffer, format: ObjectFormat): string[] {
  const blobs: string[] = [];
  for (let at = 8; at < undo.length;) {
    at = undo.indexOf(0, at) + 1;
    let present = 0;
    for (let stage = 0; stage < 3; stage += 1) {
      const mode = undo.toString('latin1', at, undo.indexOf(0, at));
      if (mode !== '0') present += 1;
      at += mode.length + 1;
    }
    for (; present > 0; present -= 1, at += hashSizeOf(format)) {
      blobs.push(undo.toString('hex', at, at + hashSizeOf(format)));
    }
  }
  return blobs;
}

function hashSizeOf(format: ObjectFormat): number {
  return format === 'sha1' ? 20 : 32;
}
