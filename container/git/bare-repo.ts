import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bytesOf } from '../files/read.ts';
import { changeMode, makeFolder, removeTree, writeWhole } from '../files/write.ts';
import { addCommitHooks } from './commit-hooks.ts';
import { repoDir, rigDir } from './layout.ts';
import { ownConfigText, SETTINGS_FILE, settingsText } from './repo-config.ts';
import type { Followed } from './repo-config.ts';
import type { Git } from './run-git.ts';
import { setConfig } from './set-config.ts';
import { isMaking, readIfThere, readReadyMark } from './worktree-marks.ts';
import { isAmongAgents, registrations } from './worktree-registry.ts';

const READY = 'relight-ready';

/** What a rig's repository has to be: `objectFormat` is the remote's, `heads` are the branches that are there. */
export interface RepoPlan {
  readonly url: string;
  readonly objectFormat: 'sha1' | 'sha256';
  readonly followed: Followed;
  readonly heads: ReadonlyMap<string, string>;
}

/**
 * Removes a repository whose making was cut off, and the worktrees whose making was. One that holds a finished worktree is
 * kept in any case.
 */
export async function removeHalfMade(git: Git, rig: string): Promise<void> {
  const repo = repoDir(git.workspace, rig);
  if (!existsSync(repo) || isWhole(repo)) return;
  const known = await registrations(repo);
  if (known.some(({ admin }) => readReadyMark(admin) !== null)) return markWhole(repo);
  // The repository last: it knows which worktrees are half-made.
  for (const { worktree } of known) {
    const isOurs = worktree !== null && isAmongAgents(repo, worktree);
    if (isOurs && isMaking(repo, basename(worktree))) await removeTree(worktree);
  }
  await removeTree(repo);
}

function isWhole(repo: string): boolean {
  return existsSync(join(repo, READY));
}

/** Says of a new repository that all that agents need is in it: from now on it is healed and not made anew. */
export function markWhole(repo: string): void {
  writeWhole(join(repo, READY), '');
}

/**
 * Makes the rig's bare repository, or brings the settings of the one that is there up to date. True while not all that
 * agents need is in it: who brings that marks it as whole.
 */
export async function ensureBareRepo(git: Git, rig: string, plan: RepoPlan): Promise<boolean> {
  const repo = repoDir(git.workspace, rig);
  const settings = join(repo, SETTINGS_FILE);
  if (!existsSync(repo)) {
    const format = plan.objectFormat === 'sha1' ? [] : [`--object-format=${plan.objectFormat}`];
    const shared = git.users === null ? [] : ['--shared=group'];
    const init = ['init', '--bare', ...shared, '--template=', '--initial-branch=main', ...format, '--', repo];
    git.users?.makeRepo(rig);
    await git.run(git.users === null ? rigDir(git.workspace, rig) : repo, init);
    makeFolder(join(repo, 'info'));
    if (git.users !== null) shareLogs(repo);
    const config = join(repo, 'config');
    const own = Buffer.from(ownConfigText(plan.url, plan.followed.branches));
    writeWhole(config, Buffer.concat([bytesOf(config) ?? Buffer.alloc(0), own]));
    writeWhole(settings, settingsText(plan.followed, git.lfs));
    addCommitHooks(repo);
    return true;
  }
  const followed = await withKnownWorktrees(repo, plan);
  const text = settingsText(followed, git.lfs);
  if (readIfThere(settings) !== text) writeWhole(settings, text);
  await updateOwnConfig(git, repo, plan);
  addCommitHooks(repo);
  return !isWhole(repo);
}

/**
 * Makes the folders of reflogs that all users of a rig write in. Git opens one that it makes to the others a moment later,
 * and who comes in that moment fails.
 */
function shareLogs(repo: string): void {
  for (const folder of ['logs', 'logs/refs', 'logs/refs/heads']) {
    makeFolder(join(repo, folder));
    changeMode(join(repo, folder), 0o2770);
  }
}

/** Adds the branches of worktrees that this restore is not about, so that their agents' fetches go on working. */
async function withKnownWorktrees(repo: string, { followed, heads }: RepoPlan): Promise<Followed> {
  const branches = new Set(followed.branches);
  const bases = new Set(followed.bases);
  for (const { admin } of await registrations(repo)) {
    const mark = readReadyMark(admin);
    if (mark === null || mark === 'unreadable') continue;
    branches.add(mark.branch);
    if (mark.baseBranch !== null && heads.has(mark.baseBranch)) bases.add(mark.baseBranch);
  }
  return { branches: [...branches].sort(), bases: [...bases].sort() };
}

async function updateOwnConfig(git: Git, repo: string, { url, followed }: RepoPlan): Promise<void> {
  const listed = await git.run(repo, ['config', '--local', '--list', '-z']);
  const now = new Map<string, string>();
  for (const entry of listed.split('\0')) {
    const end = entry.indexOf('\n');
    if (end > 0) now.set(entry.slice(0, end), entry.slice(end + 1));
  }
  const wanted: [string, string][] = [];
  if (now.get('remote.origin.url') !== url) wanted.push(['remote.origin.url', url]);
  if (now.get('include.path') !== SETTINGS_FILE) wanted.push(['include.path', SETTINGS_FILE]);
  for (const branch of followed.branches) {
    if (now.has(`branch.${branch}.merge`)) continue;
    wanted.push([`branch.${branch}.remote`, 'origin'], [`branch.${branch}.merge`, `refs/heads/${branch}`]);
  }
  for (const [key, value] of wanted) await setConfig(git, repo, key, value);
}
