import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { repoDir } from '../git/layout.ts';
import type { Git, GitCommand } from '../git/run-git.ts';
import { adminNamedBy } from '../git/worktree-registry.ts';
import { SnapshotError } from './errors.ts';
import type { ObjectStore } from './object-store.ts';

/** A worktree that snapshots are taken of: its folder, its admin folder and the rig's bare repository. */
export interface Place {
  readonly dir: string;
  readonly repo: string;
  readonly admin: string;
  readonly store: ObjectStore;
  /** The file of `core.excludesFile`, when the repository names one. */
  readonly excludes: string | null;
}

/**
 * Finds what belongs to the worktree `dir`. Throws a SnapshotError `misplaced` when it is not a worktree of the rig, so
 * that nothing is ever taken from, or put into, a repository that git finds by walking up.
 */
export async function findPlace(git: Git, rig: string, dir: string, command: GitCommand): Promise<Place> {
  const repo = repoDir(git.workspace, rig);
  const admin = await adminNamedBy(repo, dir);
  if (admin === null) throw new SnapshotError('misplaced', `${dir} is not a worktree of ${rig}`);
  const settings = await readSettings(git, admin, command);
  const format = settings.get('extensions.objectformat') === 'sha256' ? 'sha256' : 'sha1';
  const excludes = settings.get('core.excludesfile');
  return {
    dir,
    repo,
    admin,
    store: { objects: join(repo, 'objects'), format },
    excludes: excludes === undefined ? null : excludesAt(excludes, dir),
  };
}

async function readSettings(git: Git, admin: string, command: GitCommand): Promise<Map<string, string>> {
  const settings = new Map<string, string>();
  // A named git folder is not subject to the check of its owner (safe.directory), as one that is discovered would be.
  const listed = await git.run(admin, [`--git-dir=${admin}`, 'config', '--list', '-z'], command);
  for (const entry of listed.split('\0')) {
    const [key = '', ...value] = entry.split('\n');
    settings.set(key, value.join('\n'));
  }
  return settings;
}

function excludesAt(path: string, dir: string): string {
  if (path.startsWith('~/')) return join(homedir(), path.slice(2));
  return isAbsolute(path) ? path : join(dir, path);
}
