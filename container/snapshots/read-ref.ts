import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { bytesOf } from '../files/read.ts';
import { SnapshotError } from './errors.ts';

const DEPTH_MAX = 5;

/**
 * What a ref of a repository points at; null when there is no such ref. Read from the files
 * (https://git-scm.com/docs/gitrepository-layout) and not by git, because it has to be of the same moment as the index,
 * and a busy agent does not stand still for as long as git takes to start.
 */
export function readRef(repo: string, ref: string, depth = 0): string | null {
  if (existsSync(join(repo, 'reftable'))) {
    throw new SnapshotError(
      'misplaced',
      'the repository keeps its refs in a table, which snapshots cannot read',
    );
  }
  const text = bytesOf(join(repo, ref))?.toString('latin1').trim();
  if (text === undefined) return readPackedRef(repo, ref);
  const [, target] = /^ref: (.+)$/.exec(text) ?? [];
  if (target !== undefined && depth < DEPTH_MAX) return readRef(repo, target, depth + 1);
  if (/^[0-9a-f]{40,64}$/.test(text)) return text;
  throw new SnapshotError('misplaced', `${ref} cannot be read`);
}

function readPackedRef(repo: string, ref: string): string | null {
  const packed = bytesOf(join(repo, 'packed-refs'))?.toString('latin1') ?? '';
  const at = packed.indexOf(` ${ref}\n`);
  return at < 0 ? null : packed.slice(packed.lastIndexOf('\n', at) + 1, at);
}
