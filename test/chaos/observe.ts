import { execa } from 'execa';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { git, gitEnv } from '../../dev/git-server/git-command.ts';
import type { Trees } from './histories.ts';

/** A worktree as it is found. */
export interface Observed {
  readonly trees: Trees;
  /** What HEAD names: a ref, or a commit where it is detached. */
  readonly head: string;
  /** The commits that can be reached from HEAD. */
  readonly reachable: ReadonlySet<string>;
  /** Files that are not as they are staged and that git takes for unchanged: it would leave them out of a commit. */
  readonly unseen: readonly string[];
}

/** Reads a worktree without changing it; `scratchDir` is for what is needed meanwhile. Throws where git cannot read it. */
export async function observe(worktree: string, scratchDir: string): Promise<Observed> {
  const at = ['-C', worktree, '--no-optional-locks'];
  await git([...at, 'status', '--porcelain']);
  const staged = await mkdtemp(join(scratchDir, 'staged-'));
  try {
    await git([...at, 'checkout-index', '--all', `--prefix=${staged}/`]);
    const commits = await git([...at, 'rev-list', 'HEAD']);
    const seen = new Set((await git([...at, 'diff', '--name-only', '-z'])).split('\0'));
    const trees = { files: await readTree(worktree), index: await readTree(staged) };
    return {
      trees,
      head: await git([...at, 'rev-parse', '--symbolic-full-name', 'HEAD']),
      reachable: new Set(commits.split('\n')),
      unseen: [...trees.index]
        .filter(([path, content]) => trees.files.get(path) !== content && !seen.has(path))
        .map(([path]) => path),
    };
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

/**
 * Checks all objects and connections of a repository. Gives what git complained of; null when all is well. What is
 * written while git looks may seem to be missing, so only what is complained of again counts.
 */
export async function checkRepository(gitDir: string): Promise<string | null> {
  const first = await fsck(gitDir);
  return first === null ? null : fsck(gitDir);
}

async function fsck(gitDir: string): Promise<string | null> {
  const args = ['--git-dir', gitDir, 'fsck', '--no-progress', '--no-dangling'];
  const { exitCode, all } = await execa('git', args, {
    env: gitEnv(),
    extendEnv: false,
    reject: false,
    all: true,
  });
  return exitCode === 0 ? null : `git fsck exited with ${exitCode ?? 'a signal'}: ${JSON.stringify(all)}`;
}

async function readTree(dir: string): Promise<Map<string, string>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const contents = files
    .map((file) => relative(dir, file))
    .filter((path) => path !== '.git')
    .map(async (path) => [path, await readFile(join(dir, path), 'utf8')] as const);
  return new Map(await Promise.all(contents));
}
