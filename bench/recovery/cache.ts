import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withView } from '../../container/cache/make-cache.ts';
import { repoDir } from '../../container/git/layout.ts';
import { createGit } from '../../container/git/run-git.ts';
import { git } from '../../dev/git-server/git-command.ts';
import type { RepoCache } from '../../src/contract/repo-cache.ts';

/** The name of the stored cache below the folder that is served. */
export const CACHE_FILE = 'cache.tar';

/** Stores beside the served repository what a control server stores of its default branch for the next container. */
export async function makeCache(rootDir: string, gitUrl: string): Promise<RepoCache> {
  const workspace = join(rootDir, 'maker');
  const rig = 'rig1';
  const repo = repoDir(workspace, rig);
  await mkdir(join(repo, '..'), { recursive: true });
  await git(['clone', '--quiet', '--bare', '--no-local', join(rootDir, 'source.git'), repo]);
  const tip = (await git(['--git-dir', repo, 'rev-parse', 'HEAD'])).trim();
  const made = await withView(createGit({ workspace }), rig, { tips: [tip] }, async (view) =>
    view.pack(true, async ({ file, ...facts }) => {
      await copyFile(file, join(rootDir, CACHE_FILE));
      return facts;
    }),
  );
  await rm(workspace, { recursive: true });
  return { gitUrl, tips: [tip], blobless: true, at: Date.now(), ...made };
}
