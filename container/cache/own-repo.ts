import { join } from 'node:path';
import { bytesOf } from '../files/read.ts';
import { writeWhole } from '../files/write.ts';
import type { Git, GitCommand } from '../git/run-git.ts';

/** What a repository of Relight's own begins with: `borrowed` is a folder of objects that it reads as if they were its. */
export interface OwnRepo {
  readonly dir: string;
  readonly objectFormat: 'sha1' | 'sha256';
  readonly borrowed?: string;
}

/** What is packed is packed in the background, and handed on by a repository that knows no secrets. */
const CONFIG = [
  '[pack]',
  '\tthreads = 1',
  // Few objects, too, are kept as a pack.
  '[fetch]',
  '\tunpackLimit = 1',
  '[uploadpack]',
  '\tallowFilter = true',
  '\tallowAnySHA1InWant = true',
  '',
].join('\n');

/** The files and folders that such a repository has, about. */
export const INODES = 40;

/**
 * Makes a bare repository that no agent can write in, with nothing in it that one has set: no hooks, no refs, no
 * replacements, no configuration. `folder` is where git runs, so its owner's.
 */
export async function makeOwnRepo(
  git: Git,
  folder: string,
  { dir, objectFormat, borrowed }: OwnRepo,
  command: GitCommand,
): Promise<void> {
  const format = objectFormat === 'sha1' ? [] : ['--object-format=sha256'];
  await git.run(
    folder,
    ['init', '--quiet', '--bare', '--template=', '--initial-branch=main', ...format, '--', dir],
    command,
  );
  const config = join(dir, 'config');
  writeWhole(config, Buffer.concat([bytesOf(config) ?? Buffer.alloc(0), Buffer.from(CONFIG)]));
  if (borrowed !== undefined) writeWhole(join(dir, 'objects', 'info', 'alternates'), `${borrowed}\n`);
}
