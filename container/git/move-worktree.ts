import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { removeFile, writeWhole } from '../files/write.ts';
import { waitUntilQuiet } from './live-git.ts';
import { readIfThere } from './worktree-marks.ts';
import { adminNamedBy, isAmongAgents, registrations } from './worktree-registry.ts';
import type { Registration } from './worktree-registry.ts';

/**
 * Moves what is in the place of an agent's worktree to `<agent>.left-<n>` (it held other work) or `<agent>.found-<n>`
 * (nobody knows what it is), with its index, HEAD and branch. Returns the new path.
 */
export async function moveAside(repo: string, dir: string, kind: 'left' | 'found'): Promise<string> {
  let n = 1;
  while (existsSync(`${dir}.${kind}-${n}`)) n += 1;
  const aside = `${dir}.${kind}-${n}`;
  const admin = await adminNamedBy(repo, dir);
  if (admin !== null) {
    await waitUntilQuiet(dir);
    // A locked worktree survives pruning, also when the move is cut off halfway.
    writeWhole(join(admin, 'locked'), `relight: moved out of the way of ${basename(dir)}`);
  }
  await rename(dir, aside);
  if (admin !== null) writeWhole(join(admin, 'gitdir'), `${join(aside, '.git')}\n`);
  return aside;
}

/** Moves a worktree that was moved aside back to its place, which has to be free. */
export async function moveBack({ admin, worktree }: Registration, dir: string): Promise<void> {
  if (worktree === null) return;
  await rename(worktree, dir);
  writeWhole(join(admin, 'gitdir'), `${join(dir, '.git')}\n`);
  removeFile(join(admin, 'locked'));
}

/** The worktree other than `dir` that has a branch checked out, by its HEAD; null when there is none. */
export async function holderOf(repo: string, branch: string, dir: string): Promise<Registration | null> {
  for (const registration of await registrations(repo)) {
    const { worktree } = registration;
    if (worktree === null || worktree === dir || !isAmongAgents(repo, worktree)) continue;
    const head = readIfThere(join(registration.admin, 'HEAD'));
    if (head?.trim() === `ref: refs/heads/${branch}`) return registration;
  }
  return null;
}
