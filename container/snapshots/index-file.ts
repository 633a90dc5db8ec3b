import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { SnapshotError } from './errors.ts';
import type { BytePath } from './byte-path.ts';

/** One entry of an index; `offset` is where its 40 bytes of file status begin. */
export interface IndexEntry {
  readonly path: BytePath;
  readonly mode: number;
  readonly oid: string;
  readonly stage: number;
  readonly intentToAdd: boolean;
  readonly skipWorktree: boolean;
  readonly offset: number;
}

/** An index file, parsed; `end` is where the entries end and the extensions begin. */
export interface IndexFile {
  readonly bytes: Buffer;
  readonly format: 'sha1' | 'sha256';
  readonly entries: readonly IndexEntry[];
  readonly end: number;
  readonly extensions: readonly { readonly name: string; readonly start: number; readonly end: number }[];
}

const HEADER = 12;
const STAT = 40;
const [MTIME, MODE, UID, SIZE] = [8, 24, 28, 36];

/**
 * Reads an index of version 2, 3 or 4 (https://git-scm.com/docs/gitformat-index). Null when it is split or sparse, and
 * git has to make it whole first; a SnapshotError `misplaced` when it is damaged.
 */
export function parseIndex(bytes: Buffer, format: 'sha1' | 'sha256'): IndexFile | null {
  try {
    return parse(bytes, format);
  } catch (error) {
    if (error instanceof RangeError) throw damaged('ends too early', error);
    throw error;
  }
}

function parse(bytes: Buffer, format: 'sha1' | 'sha256'): IndexFile | null {
  const version = bytes.readUInt32BE(4);
  if (bytes.toString('latin1', 0, 4) !== 'DIRC' || version < 2 || version > 4) throw damaged('is none');
  const hashSize = format === 'sha1' ? 20 : 32;
  const entries: IndexEntry[] = [];
  let at = HEADER;
  let before = '';
  for (let count = bytes.readUInt32BE(8); count > 0; count -= 1) {
    const flags = bytes.readUInt16BE(at + STAT + hashSize);
    const extended = (flags & 0x4000) !== 0;
    const more = extended ? bytes.readUInt16BE(at + STAT + hashSize + 2) : 0;
    let name = at + STAT + hashSize + (extended ? 4 : 2);
    let kept = '';
    if (version === 4) {
      const strip = readVarint(bytes, name);
      kept = before.slice(0, before.length - strip.value);
      name = strip.end;
    }
    const end = bytes.indexOf(0, name);
    if (end < 0) throw damaged('ends too early');
    const path = kept + bytes.toString('latin1', name, end);
    entries.push({
      path,
      mode: bytes.readUInt32BE(at + MODE),
      oid: bytes.toString('hex', at + STAT, at + STAT + hashSize),
      stage: (flags >> 12) & 3,
      intentToAdd: (more & 0x2000) !== 0,
      skipWorktree: (more & 0x4000) !== 0,
      offset: at,
    });
    before = path;
    // Entries of the older versions are padded with 1 to 8 NULs to a multiple of 8.
    at = version === 4 ? end + 1 : at + ((end - at + 8) & ~7);
  }
  const extensions = readExtensions(bytes, at, bytes.length - hashSize);
  // https://git-scm.com/docs/gitformat-index: "link" and "sdir" change what the entries mean.
  if (extensions.some(({ name }) => name === 'link' || name === 'sdir')) return null;
  return { bytes, format, entries, end: at, extensions };
}

function readExtensions(bytes: Buffer, from: number, to: number): IndexFile['extensions'] {
  const found = [];
  for (let at = from; at < to;) {
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    found.push({ name: bytes.toString('latin1', at, at + 4), start: at, end });
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

/**
 * The index without what belongs to one disk: status of files, caches. Two indexes that mean the same have the same
 * bytes; entries stay where they are.
 */
export function withoutStatus(index: IndexFile): Buffer {
  const entries = Buffer.from(index.bytes.subarray(0, index.end));
  for (const { offset } of index.entries) {
    entries.fill(0, offset, offset + MODE);
    entries.fill(0, offset + UID, offset + STAT);
  }
  const undo = index.extensions.filter(({ name }) => name === 'REUC');
  return sealed([entries, ...undo.map(({ start, end }) => index.bytes.subarray(start, end))], index.format);
}

/** The index with the status of the files that `stats` has, so that git takes these for unchanged. */
export function withStatus(index: IndexFile, stats: ReadonlyMap<BytePath, BigIntStats>): Buffer {
  const entries = Buffer.from(index.bytes.subarray(0, index.end));
  for (const { path, stage, offset } of index.entries) {
    const stat = stage === 0 ? stats.get(path) : undefined;
    if (stat === undefined) continue;
    const words = [
      ...[stat.ctimeNs / 1_000_000_000n, stat.ctimeNs % 1_000_000_000n],
      ...[stat.mtimeNs / 1_000_000_000n, stat.mtimeNs % 1_000_000_000n],
      ...[stat.dev, stat.ino, null, stat.uid, stat.gid, stat.size],
    ];
    for (const [place, word] of words.entries()) {
      if (word !== null) entries.writeUInt32BE(Number(BigInt.asUintN(32, word)), offset + place * 4);
    }
  }
  return sealed([entries, index.bytes.subarray(index.end, -hashSizeOf(index.format))], index.format);
}

/** When an entry's file was last written, in seconds, and its size: what git compares first. */
export function statusOf(
  { bytes }: IndexFile,
  { offset }: IndexEntry,
): { ctimeMs: number; mtimeMs: number; ino: number; size: number } {
  const time = (at: number): number => bytes.readUInt32BE(at) * 1000 + bytes.readUInt32BE(at + 4) / 1e6;
  return {
    ctimeMs: time(offset),
    mtimeMs: time(offset + MTIME),
    ino: bytes.readUInt32BE(offset + 20),
    size: bytes.readUInt32BE(offset + SIZE),
  };
}

/** The blobs that can be brought back by "resolve undo": the REUC extension. */
export function undoBlobs({ bytes, extensions, format }: IndexFile): string[] {
  const hashSize = hashSizeOf(format);
  const blobs: string[] = [];
  for (const { name, start, end } of extensions) {
    for (let at = start + 8; name === 'REUC' && at < end;) {
      at = bytes.indexOf(0, at) + 1;
      let present = 0;
      for (let stage = 0; stage < 3; stage += 1) {
        const mode = bytes.toString('latin1', at, bytes.indexOf(0, at));
        if (mode !== '0') present += 1;
        at += mode.length + 1;
      }
      for (; present > 0; present -= 1, at += hashSize) blobs.push(bytes.toString('hex', at, at + hashSize));
    }
  }
  return blobs;
}

function hashSizeOf(format: 'sha1' | 'sha256'): number {
  return format === 'sha1' ? 20 : 32;
}

function sealed(parts: readonly Buffer[], format: 'sha1' | 'sha256'): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([body, createHash(format).update(body).digest()]);
}
