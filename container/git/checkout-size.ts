import type { Need } from '../disk/room.ts';
import type { Git, GitCommand } from './run-git.ts';

const BLOCK_BYTES = 4096;

/** About what the files of a commit take of the disk once they are checked out: whole blocks of each, and an inode. */
export async function checkoutSize(
  git: Git,
  repo: string,
  commit: string,
  command: GitCommand,
): Promise<Need> {
  const listed = await git.run(repo, ['ls-tree', '-r', '-l', '-z', commit], command);
  let [blocks, inodes] = [0, 0];
  for (const [, size] of listed.matchAll(/(?:^|\0)[^\t\0]* (\d+)\t/g)) {
    blocks += 1 + Math.ceil(Number(size) / BLOCK_BYTES);
    inodes += 1;
  }
  return { bytes: blocks * BLOCK_BYTES, inodes };
}
