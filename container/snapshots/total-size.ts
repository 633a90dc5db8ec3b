import { readFile } from 'node:fs/promises';
import type { BytePath } from './byte-path.ts';
import type { Refusal } from './candidates.ts';
import { parseIndex } from './index-file.ts';
import type { Look } from './sweep.ts';
import type { TreeTask } from './take-tree.ts';

/**
 * Leaves out the largest files until what is not in the agent's index fits into the limit, and says so of each. What
 * is committed or staged is not looked at: it cannot be left out alone.
 */
export async function fitTotal(
  { own, index, place, maxTotalBytes }: TreeTask,
  { files, leftOut }: { files: ReadonlyMap<BytePath, Look>; leftOut: Map<BytePath, Refusal> },
): Promise<Map<BytePath, Refusal>> {
  const sizeOf = (path: BytePath): number => {
    const look = files.get(path);
    return look === undefined || typeof look === 'string' || leftOut.has(path) ? 0 : look.size;
  };
  let total = 0;
  for (const path of files.keys()) total += sizeOf(path);
  if (total <= maxTotalBytes) return leftOut;
  const staged = new Set(index?.entries.map(({ oid }) => oid));
  const taken = parseIndex(await readFile(own.index), place.store.format)?.entries ?? [];
  const unstaged = taken.filter(({ oid, path }) => !staged.has(oid) && sizeOf(path) > 0);
  const sizes = unstaged.map(({ path }): [BytePath, number] => [path, sizeOf(path)]);
  total = sizes.reduce((sum, [, size]) => sum + size, 0);
  for (const [path, size] of sizes.sort(([, one], [, other]) => other - one)) {
    if (total <= maxTotalBytes) break;
    leftOut.set(path, { reason: `the snapshot would be larger than ${maxTotalBytes} bytes`, bytes: size });
    total -= size;
  }
  return leftOut;
}
