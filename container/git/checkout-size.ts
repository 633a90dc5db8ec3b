import type { Git, GitCommand } from './run-git.ts';

const BLOCK_BYTES = 4096;

/** About how many bytes on disk the files of a commit take once they are checked out: whole blocks of each file. */
export async function checkoutSize(
  git: Git,
  repo: string,
  commit: string,
  command: GitCommand,
): Promise<number> {
  const listed = await git.run(repo, ['ls-tree', '-r', '-l', '-z', commit], command);
  let blocks = 0;
  for (const [, size] of listed.matchAll(/(?:^|\0)[^\t\0]* (\d+)\t/g))
    blocks += 1 + Math.ceil(Number(size) / BLOCK_BYTES);
  return blocks * BLOCK_BYTES;
}
