import { RelightError } from '../../src/contract/errors.ts';
import { usesLfs } from './inspect-worktree.ts';
import type { Git, GitCommand } from './run-git.ts';

/** What a checkout brought; the warnings say what an agent will not find as it expects. */
export interface Filled {
  readonly files: number;
  readonly warnings: string[];
}

/**
 * Checks out the files of a new worktree, or only those of the `sparse` folders if there are any, and verifies it. Throws a
 * RelightError `git_failed` when files are missing afterwards. A file that differs right after the checkout is a property
 * of the repository (line endings, filters) and only a warning.
 */
export async function fillWorktree(
  git: Git,
  dir: string,
  { commit, sparse, command }: { commit: string; sparse: readonly string[]; command: GitCommand },
): Promise<Filled> {
  if (sparse.length > 0) await git.run(dir, ['sparse-checkout', 'set', '--cone', '--', ...sparse], command);
  await git.run(dir, ['reset', '--hard', commit], command);
  const { files, missing, submodules, hasAttributes } = await listTracked(git, dir, command);
  if (missing > 0) throw new RelightError('git_failed', `${missing} files are missing after the checkout`);
  const warnings: string[] = [];
  const changed = hasAttributes ? await countChanged(git, dir, command) : 0;
  if (changed > 0)
    warnings.push(`${changed} file(s) differ right after the checkout (line endings or filters)`);
  if (submodules.length > 0) warnings.push(`submodules were not checked out: ${submodules.join(', ')}`);
  if (!git.lfs && (await usesLfs(dir))) {
    warnings.push('git-lfs is not installed: the files that it keeps are pointers');
  }
  return { files, warnings };
}

/** What the index of a worktree holds, and how many files of it are not there. */
interface Tracked {
  readonly files: number;
  readonly missing: number;
  readonly submodules: readonly string[];
  readonly hasAttributes: boolean;
}

/** Compares the index with the folder by name alone: each file was written by the git that ended well just now. */
async function listTracked(git: Git, dir: string, command: GitCommand): Promise<Tracked> {
  // A line for each entry, `<mode> <object> <stage>\t<path>`, after H, or S for one left out; once more after R if it is gone.
  const look = ['ls-files', '-z', '-t', '--stage', '--cached', '--deleted'];
  const entries = (await git.run(dir, look, command)).split('\0');
  const tracked = entries.filter((entry) => entry.startsWith('H ') || entry.startsWith('S '));
  return {
    files: tracked.length,
    missing: entries.filter((entry) => entry.startsWith('R ')).length,
    submodules: tracked
      .filter((entry) => entry.startsWith('H 160000 '))
      .map((entry) => entry.slice(entry.indexOf('\t') + 1)),
    hasAttributes: tracked.some((entry) => /[\t/]\.gitattributes$/.test(entry)),
  };
}

/** Without attributes nothing is converted, so nothing can differ (https://git-scm.com/docs/gitattributes). */
async function countChanged(git: Git, dir: string, command: GitCommand): Promise<number> {
  const changed = await git.run(dir, ['diff-files', '--name-only', '-z'], command);
  return changed.split('\0').length - 1;
}
