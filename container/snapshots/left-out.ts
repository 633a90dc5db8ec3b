import { existsSync } from 'node:fs';
import { onDisk, readablePath } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
import type { Seen } from './seen.ts';
import type { LeftOut } from './snapshot-meta.ts';
import { kindOf, lookAt } from './sweep.ts';

/** Everything that is in the worktree and not in the snapshot, by path. */
export function leftOutOf(dir: string, seen: Seen): LeftOut[] {
  const all: [BytePath, Pick<LeftOut, 'reason' | 'bytes'>][] = [...seen.leftOut];
  for (const path of seen.odd.nested)
    all.push([path, { reason: 'is a git repository of its own', bytes: null }]);
  for (const path of seen.odd.special) {
    all.push([path, { reason: `is a ${kindOf(lookAt(dir, path))}`, bytes: null }]);
  }
  for (const path of seen.submodules) {
    if (!existsSync(onDisk(dir, `${path}/.git`))) continue;
    all.push([path, { reason: 'is a submodule, of which only the commit is kept', bytes: null }]);
  }
  const sorted = all.sort(([one], [other]) => (one < other ? -1 : 1));
  return sorted.map(([path, reason]) => ({ path: readablePath(path), ...reason }));
}
