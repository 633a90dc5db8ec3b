import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { ownerOf } from '../files/owner.ts';
import { repoDir } from '../git/layout.ts';
import { SETTINGS_FILE } from '../git/repo-config.ts';
import type { Git, GitCommand } from '../git/run-git.ts';
import { adminNamedBy } from '../git/worktree-registry.ts';
import { SnapshotError } from './errors.ts';
import { stampOf } from './file-stamp.ts';
import { runNamed } from './named-git.ts';
import type { ObjectStore } from './object-store.ts';

/** A worktree that snapshots are taken of: its folder, its admin folder and the rig's bare repository. */
export interface Place {
  readonly dir: string;
  readonly repo: string;
  readonly admin: string;
  readonly store: ObjectStore;
  /** The file of `core.excludesFile`, when the repository names one. */
  readonly excludes: string | null;
  /** Files outside the worktree that say which files git converts. */
  readonly attributes: readonly string[];
  /** Changes when the configuration does. */
  readonly settings: string;
}

/**
 * Finds what belongs to the worktree `dir`; `known` saves the reading of an unchanged configuration. Throws a
 * SnapshotError `misplaced` when it is not a worktree of the rig, so that nothing is ever taken from, or put into, a
 * repository that git finds by walking up.
 */
export async function findPlace(
  git: Git,
  { rig, dir, known = null }: { rig: string; dir: string; known?: Place | null },
  command: GitCommand,
): Promise<Place> {
  const repo = repoDir(git.workspace, rig);
  const admin = await adminNamedBy(repo, dir);
  if (admin === null) throw new SnapshotError('misplaced', `${dir} is not a worktree of ${rig}`);
  const stamps = ['config', SETTINGS_FILE].map((name) => stampOf(join(repo, name)));
  const settings = [admin, ...stamps].join('\n');
  if (known?.settings === settings && known.dir === dir) return known;
  const values = await readSettings(git, admin, command);
  const format = values.get('extensions.objectformat') === 'sha256' ? 'sha256' : 'sha1';
  const excludes = values.get('core.excludesfile');
  const owner = ownerOf(dir);
  const home = owner === null ? homedir() : (git.users?.homeOf(owner.uid) ?? homedir());
  const attributes = values.get('core.attributesfile') ?? '~/.config/git/attributes';
  return {
    dir,
    repo,
    admin,
    store: { objects: join(repo, 'objects'), format },
    excludes: excludes === undefined ? null : fileAt(excludes, { dir, home }),
    attributes: [join(repo, 'info', 'attributes'), fileAt(attributes, { dir, home })],
    settings,
  };
}

/** Changes when one of the files outside the worktree does that say what is ignored. */
export function ignoreRulesOf({ repo, excludes }: Place): string {
  const paths = [join(repo, 'info', 'exclude'), ...(excludes === null ? [] : [excludes])];
  return paths.map((path) => `${path} ${stampOf(path)}`).join('\n');
}

async function readSettings(git: Git, admin: string, command: GitCommand): Promise<Map<string, string>> {
  const settings = new Map<string, string>();
  const listed = await runNamed(git, { gitDir: admin }, ['config', '--list', '-z'], command);
  for (const entry of listed.split('\0')) {
    const [key = '', ...value] = entry.split('\n');
    settings.set(key, value.join('\n'));
  }
  return settings;
}

function fileAt(path: string, { dir, home }: { dir: string; home: string }): string {
  if (path.startsWith('~/')) return join(home, path.slice(2));
  return isAbsolute(path) ? path : join(dir, path);
}
