import type { BytePath } from './byte-path.ts';
import type { Refusal } from './candidates.ts';
import { entriesOf } from './file-tree.ts';
import type { FolderNode } from './file-tree.ts';
import type { Look } from './sweep.ts';
import type { TreeTask } from './take-tree.ts';

interface Sizes {
  readonly files: ReadonlyMap<BytePath, Look>;
  readonly root: FolderNode;
  readonly leftOut: Map<BytePath, Refusal>;
}

/**
 * Adds the largest files to those left out until what is not in the agent's index fits into the limit. What is
 * committed or staged is not looked at: it cannot be left out alone.
 */
export function leaveOutLargest({ index, maxTotalBytes }: TreeTask, { files, root, leftOut }: Sizes): void {
  const sizeOf = (path: BytePath): number => {
    const look = files.get(path);
    return look === undefined || typeof look === 'string' || leftOut.has(path) ? 0 : look.size;
  };
  let total = 0;
  for (const path of files.keys()) total += sizeOf(path);
  if (total <= maxTotalBytes) return;
  const staged = new Set(index?.entries.map(({ oid }) => oid));
  const sizes = [...entriesOf(root)].flatMap(([path, { oid }]): [BytePath, number][] =>
    staged.has(oid) ? [] : [[path, sizeOf(path)]],
  );
  total = sizes.reduce((sum, [, size]) => sum + size, 0);
  for (const [path, size] of sizes.sort(([, one], [, other]) => other - one)) {
    if (total <= maxTotalBytes) break;
    leftOut.set(path, { reason: `the snapshot would be larger than ${maxTotalBytes} bytes`, bytes: size });
    total -= size;
  }
}
