import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { git } from '../../../dev/git-server/git-command.ts';
import { type GitServer, type GitServerOptions, startGitServer } from '../../../dev/git-server/git-server.ts';

/** A directory for one test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'git-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts a git server for one test. */
export async function startTestGitServer(options: Partial<GitServerOptions> = {}): Promise<GitServer> {
  const server = await startGitServer({ rootDir: await temporaryDirectory(), ...options });
  onTestFinished(() => server.close());
  return server;
}

/** Makes a directory with these files: path -> content. */
export async function directoryWith(files: Record<string, string>): Promise<string> {
  const directory = await temporaryDirectory();
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
  return directory;
}

/** Clones a repository and gives the clone's directory. */
export async function clone(url: string): Promise<string> {
  const directory = join(await temporaryDirectory(), 'clone');
  await git(['clone', '--quiet', url, directory]);
  return directory;
}

/** Commits one file in a clone and gives the commit. */
export async function commit(directory: string, file: string, content: string): Promise<string> {
  await writeFile(join(directory, file), content);
  await git(['-C', directory, 'add', file]);
  await git(['-C', directory, 'commit', '--quiet', '--message', file]);
  return git(['-C', directory, 'rev-parse', 'HEAD']);
}
