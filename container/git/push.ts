import { RelightError } from '../../src/contract/errors.ts';
import { asRelightError } from './errors.ts';
import { parseRemoteRefs } from './remote-refs.ts';
import type { Git, GitCommand } from './run-git.ts';
import { headOf } from './worktree-head.ts';

/** `head` is null on a branch without commits; `dirty` tells of changes and new files that are not committed. */
export interface Pushed {
  readonly head: string | null;
  readonly dirty: boolean;
}

/**
 * Makes sure that the remote branch holds the worktree's HEAD, pushing it (never by force) if it does not, and asks
 * the remote again before saying so. Throws a RelightError `not_pushed` with git's reason when the remote does not
 * take it, and the code of the failure when the remote cannot be asked.
 */
export async function ensurePushed(
  git: Git,
  rig: string,
  dir: string,
  branch: string,
  credential: boolean,
): Promise<Pushed> {
  const head = await headOf(git, dir);
  const dirty = (await git.run(dir, ['--no-optional-locks', 'status', '--porcelain'])) !== '';
  if (head === null) return { head, dirty };
  const access: GitCommand = { network: true, credentialsOf: credential ? rig : null };
  const remoteHead = async (): Promise<string | null> => {
    const args = ['ls-remote', '--', 'origin', `refs/heads/${branch}`];
    return parseRemoteRefs(await git.run(dir, args, access)).heads.get(branch) ?? null;
  };
  if ((await remoteHead()) === head) return { head, dirty };
  try {
    const to = `HEAD:refs/heads/${branch}`;
    await git.run(dir, ['push', '--no-verify', '--porcelain', '--progress', 'origin', to], access);
  } catch (error) {
    if (await remoteContains(git, dir, { branch, access })) return { head, dirty };
    const { message } = asRelightError(error);
    throw new RelightError('not_pushed', message, { cause: error });
  }
  const now = await remoteHead();
  if (now === head) return { head, dirty };
  throw new RelightError('not_pushed', `after the push ${branch} is at ${now ?? 'nothing'}, not at ${head}`);
}

/** Whether the remote branch has HEAD in its history: somebody pushed more commits on top of it. */
async function remoteContains(
  git: Git,
  dir: string,
  { branch, access }: { branch: string; access: GitCommand },
): Promise<boolean> {
  const tracking = `refs/remotes/origin/${branch}`;
  try {
    await git.run(dir, ['fetch', '--no-tags', 'origin', `+refs/heads/${branch}:${tracking}`], access);
    return (await git.run(dir, ['rev-list', '--count', 'HEAD', `^${tracking}`])).trim() === '0';
  } catch (error) {
    // The push has failed already and its reason is the one to tell; an answer of "no" leads there.
    if (error instanceof RelightError) return false;
    throw error;
  }
}
