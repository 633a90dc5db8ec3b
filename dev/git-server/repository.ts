import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { git } from './git-command.ts';

/** One or more path segments that git and a URL take as they are; no `..`, no leading dot. */
const NAME = /^[A-Za-z0-9][\w-]*(\.\w[\w-]*)*(\/[A-Za-z0-9][\w-]*(\.\w[\w-]*)*)*$/;

/** What a new repository starts with. */
export interface RepositoryOptions {
  /** A directory whose files, those ignored by its `.gitignore` left out, become the first commit. */
  from?: string;
  /** Default `main`. */
  defaultBranch?: string;
}

/** Whether a text may be a repository's name: `town`, `town.docs` or `org/town`. */
export function isRepositoryName(text: string): boolean {
  return NAME.test(text) && !text.endsWith('.git');
}

/** Where the bare repository of that name lies. */
export function repositoryPath(rootDir: string, name: string): string {
  return join(rootDir, `${name}.git`);
}

/**
 * Makes a bare repository below a git server's root, or below a directory, and gives its URL (`http:` or `file:`).
 * Throws when the name is not one, and when the repository exists.
 */
export async function createRepository(
  where: { rootDir: string; url: string } | string,
  name: string,
  { from, defaultBranch = 'main' }: RepositoryOptions = {},
): Promise<string> {
  if (!isRepositoryName(name)) throw new Error(`not a repository name: ${name}`);
  const path = repositoryPath(typeof where === 'string' ? resolve(where) : where.rootDir, name);
  if (existsSync(path)) throw new Error(`the repository ${name} exists`);
  await git(['init', '--bare', `--initial-branch=${defaultBranch}`, '--', path]);
  await git(['--git-dir', path, 'config', 'http.receivepack', 'true']);
  if (from !== undefined) await importFiles(path, resolve(from), defaultBranch);
  return typeof where === 'string' ? pathToFileURL(path).href : `${where.url}/${name}.git`;
}

async function importFiles(repository: string, directory: string, branch: string): Promise<void> {
  const env = {
    GIT_DIR: repository,
    GIT_WORK_TREE: directory,
    // A bare repository has no index; this one lasts until the commit is made.
    GIT_INDEX_FILE: join(repository, 'import.index'),
  };
  await git(['-C', directory, 'add', '--all', '.'], env);
  const tree = await git(['write-tree'], env);
  const commit = await git(['commit-tree', '-m', 'Import', tree], env);
  await git(['update-ref', `refs/heads/${branch}`, commit], env);
  await rm(env.GIT_INDEX_FILE);
}
