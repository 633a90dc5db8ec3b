import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { repoDir, worktreeDir } from '../../../container/git/layout.ts';
import { git } from '../../../dev/git-server/git-command.ts';
import { type GitServer, type GitServerOptions, startGitServer } from '../../../dev/git-server/git-server.ts';
import { createRepository } from '../../../dev/git-server/repository.ts';
import { makeWorkspace } from './control-process.ts';

const run = promisify(execFile);

/** A worktree in the container's layout, made by hand, with one commit and no remote. */
export async function makeWorktree(workspace: string, agent: string, bead = 'bead-1'): Promise<string> {
  const repo = repoDir(workspace, 'rig');
  const dir = worktreeDir(workspace, 'rig', agent);
  await mkdir(dirname(dir), { recursive: true });
  await git(['init', '--quiet', '--bare', repo]);
  const tree = await git(['-C', repo, 'hash-object', '-t', 'tree', '-w', '/dev/null']);
  const commit = await git(['-C', repo, 'commit-tree', '-m', 'First', tree]);
  await git(['-C', repo, 'worktree', 'add', '--quiet', '-b', `gt/${agent}/${bead}`, dir, commit]);
  return dir;
}

/** A git server with the repository `rig`, for one test. */
export async function startRemote(
  auth?: NonNullable<GitServerOptions['auth']>,
): Promise<{ server: GitServer; gitUrl: string }> {
  const rootDir = await makeWorkspace();
  const server = await startGitServer(auth === undefined ? { rootDir } : { rootDir, auth });
  onTestFinished(async () => await server.close());
  const seed = await makeWorkspace();
  await writeFile(join(seed, 'README.md'), 'A rig.\n');
  return { server, gitUrl: await createRepository(server, 'rig', { from: seed }) };
}

/** Runs a program and gives its standard output. */
export async function output(file: string, args: string[]): Promise<string> {
  return (await run(file, args)).stdout.trim();
}
