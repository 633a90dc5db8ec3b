import { RelightError } from '../../src/contract/errors.ts';
import { wipOwnerOf, wipPatterns } from '../../src/contract/snapshot-refs.ts';
import { ownDir } from './layout.ts';
import type { Git, GitCommand } from './run-git.ts';

/** So much of what git traces is looked at: a server names what it can do before anything else. */
const GREETING_CHARS = 65_536;

/**
 * The branches of a remote with their commits, and by full ref name what snapshots lie there. `defaultBranch` is null
 * when the server does not name one; `filters` says that it leaves out what it is asked to.
 */
export interface RemoteRefs {
  readonly filters: boolean;
  readonly heads: ReadonlyMap<string, string>;
  readonly snapshots: ReadonlyMap<string, string>;
  readonly defaultBranch: string | null;
}

/** Whether the rig's credential may be asked for, and what stops the command. */
export interface RemoteAccess {
  readonly credential?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks a remote for its branches and the rig's snapshots with one `ls-remote`. A repository without commits has no heads;
 * a remote that could not be asked throws (https://git-scm.com/docs/git-ls-remote).
 */
export async function listRemoteRefs(
  git: Git,
  rig: string,
  url: string,
  { credential = true, signal }: RemoteAccess = {},
): Promise<RemoteRefs> {
  const args = ['ls-remote', '--symref', '--', url, 'HEAD', 'refs/heads/*', ...wipPatterns(rig)];
  const command: GitCommand = { network: true, credentialsOf: credential ? rig : null, signal };
  const dir = git.users === null ? git.workspace : ownDir(git.workspace, rig);
  let greeting = '';
  const onPackets = (trace: string): void => {
    if (greeting.length < GREETING_CHARS) greeting += trace;
  };
  const listed = await git.run(dir, args, { ...command, onPackets });
  // Any web page without a line break looks like an empty repository of the old protocol without a git server.
  if (listed === '' && !/packet: +\S+< /.test(greeting)) {
    throw new RelightError('git_not_a_repository', 'git ls-remote: the address answers, but not as git does');
  }
  // https://git-scm.com/docs/protocol-v2#_capability_advertisement
  const filters = /packet: +\S+< fetch=.*\bfilter\b/.test(greeting);
  return { ...parseRemoteRefs(listed), filters };
}

/** Reads the output of `ls-remote --symref`. Throws a RelightError `git_failed` where it is not what git documents. */
export function parseRemoteRefs(output: string): Omit<RemoteRefs, 'filters'> {
  const heads = new Map<string, string>();
  const snapshots = new Map<string, string>();
  let defaultBranch: string | null = null;
  for (const line of output.split('\n').filter((text) => text !== '')) {
    const symref = /^ref: refs\/heads\/(\S+)\tHEAD$/.exec(line);
    const head = /^([0-9a-f]{40,64})\t(\S+)$/.exec(line);
    if (symref?.[1] !== undefined) defaultBranch = symref[1];
    else if (head?.[1] === undefined || head[2] === undefined) {
      if (!line.startsWith('ref: ')) throw new RelightError('git_failed', 'git ls-remote: odd answer');
    } else if (wipOwnerOf(head[2]) !== null) snapshots.set(head[2], head[1]);
    else if (head[2].startsWith('refs/heads/')) heads.set(head[2].slice('refs/heads/'.length), head[1]);
  }
  return { heads, snapshots, defaultBranch };
}

/** The object format of a repository that has this commit (https://git-scm.com/docs/hash-function-transition). */
export function formatOf(commit: string): 'sha1' | 'sha256' {
  return commit.length === 64 ? 'sha256' : 'sha1';
}
