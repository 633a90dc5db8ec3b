import { RelightError } from '../../src/contract/errors.ts';
import { usesLfs } from './inspect-worktree.ts';
import type { Git, GitCommand } from './run-git.ts';

/** The tracked files of a worktree, and the paths among them that are submodules. */
export interface TrackedFiles {
  readonly files: number;
  readonly submodules: readonly string[];
}

/** Counts what the index of a worktree holds. */
export async function trackedFiles(git: Git, dir: string): Promise<TrackedFiles> {
  const listed = await git.run(dir, ['ls-files', '--stage', '-z']);
  const paths = new Set<string>();
  const submodules: string[] = [];
  for (const entry of listed.split('\0')) {
    const path = entry.slice(entry.indexOf('\t') + 1);
    if (path === '') continue;
    paths.add(path);
    if (entry.startsWith('160000 ')) submodules.push(path);
  }
  return { files: paths.size, submodules };
}

/** What a checkout brought; the warnings say what an agent will not find as it expects. */
export interface Filled {
  readonly files: number;
  readonly warnings: string[];
}

/**
 * Checks out the files of a new worktree, or only those of the `sparse` folders if there are any, and verifies it. Throws a RelightError `git_failed` when it does not stand
 * on `commit` afterwards or files are missing. A file that differs right after the checkout is a property of the
 * repository (line endings, filters) and only a warning.
 */
export async function fillWorktree(
  git: Git,
  dir: string,
  { commit, sparse, command }: { commit: string; sparse: readonly string[]; command: GitCommand },
): Promise<Filled> {
  if (sparse.length > 0) await git.run(dir, ['sparse-checkout', 'set', '--cone', '--', ...sparse], command);
  await git.run(dir, ['reset', '--hard'], command);
  const [status, tracked] = await Promise.all([
    git.run(dir, ['status', '--porcelain=v2', '--branch', '-z'], command),
    trackedFiles(git, dir),
  ]);
  const entries = status.split('\0').filter((entry) => entry !== '');
  if (!entries.includes(`# branch.oid ${commit}`)) {
    throw new RelightError('git_failed', `the worktree does not stand on ${commit} after its checkout`);
  }
  const changed = entries.filter((entry) => !entry.startsWith('# '));
  const missing = changed.filter((entry) => /^[12] (?:D.|.D) /.test(entry));
  if (missing.length > 0) {
    throw new RelightError('git_failed', `${missing.length} files are missing after the checkout`);
  }
  const warnings: string[] = [];
  if (changed.length > 0) {
    warnings.push(`${changed.length} file(s) differ right after the checkout (line endings or filters)`);
  }
  if (tracked.submodules.length > 0) {
    warnings.push(`submodules were not checked out: ${tracked.submodules.join(', ')}`);
  }
  if (!git.lfs && (await usesLfs(dir))) {
    warnings.push('git-lfs is not installed: the files that it keeps are pointers');
  }
  return { files: tracked.files, warnings };
}
