import type { RelightError } from '../../src/contract/errors.ts';
import { asRelightError, GitFailure } from './errors.ts';
import { trackingRef } from './local-refs.ts';
import type { LocalRefs } from './local-refs.ts';
import type { RemoteRefs } from './remote-refs.ts';
import type { Git, GitCommand } from './run-git.ts';

/** What the remote must be asked for, and which of our records of it are about branches that it no longer has. */
export interface FetchPlan {
  readonly missing: readonly string[];
  readonly vanished: readonly string[];
}

/** Compares what is needed with what is here. Branches that the remote lacks are not needed from it. */
export function planFetch(needed: Iterable<string>, remote: RemoteRefs, local: LocalRefs): FetchPlan {
  const missing = [...new Set(needed)].filter((branch) => {
    const head = remote.heads.get(branch);
    return head !== undefined && local.get(trackingRef(branch)) !== head;
  });
  const prefix = trackingRef('');
  const vanished = [...local.keys()].filter(
    (ref) => ref.startsWith(prefix) && !remote.heads.has(ref.slice(prefix.length)),
  );
  return { missing, vanished };
}

/** Forgets branches that the remote no longer has: else their commits would count as being safe there. */
export async function forgetVanished(git: Git, repo: string, refs: readonly string[]): Promise<void> {
  if (refs.length === 0) return;
  await git.run(repo, ['update-ref', '--stdin'], { input: refs.map((ref) => `delete ${ref}\n`).join('') });
}

/** How branches are fetched: `extra` are further options of `git fetch`. */
export interface FetchCommand extends GitCommand {
  readonly extra?: readonly string[];
}

/** Fetches branches into `refs/remotes/origin/*`, in one negotiation. */
export async function fetchRefs(
  git: Git,
  repo: string,
  branches: readonly string[],
  { extra = [], ...command }: FetchCommand,
): Promise<void> {
  const input = branches.map((name) => `+refs/heads/${name}:${trackingRef(name)}\n`).join('');
  const options = ['--stdin', '--progress', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules'];
  await git.run(repo, ['fetch', ...options, ...extra, 'origin'], { ...command, network: true, input });
}

/** Whether a fetch failed because a branch has gone since the remote was asked. */
export function isMissingRemoteRef(error: unknown): boolean {
  return error instanceof GitFailure && /couldn't find remote ref/.test(error.output);
}

/**
 * Fetches branches together; where that fails in a way that one branch can cause, one by one, so that a damaged branch
 * holds only itself back. Returns the failures by branch; throws when the remote itself is at fault.
 */
export async function fetchEach(
  git: Git,
  repo: string,
  branches: readonly string[],
  command: FetchCommand,
): Promise<Map<string, RelightError>> {
  const failures = new Map<string, RelightError>();
  if (branches.length === 0) return failures;
  try {
    await fetchRefs(git, repo, branches, command);
    return failures;
  } catch (error) {
    if (!mayBeOfOne(error)) throw error;
    if (branches.length === 1) return new Map(branches.map((branch) => [branch, asRelightError(error)]));
  }
  for (const branch of branches) {
    const alone = await fetchEach(git, repo, [branch], command);
    for (const [name, error] of alone) failures.set(name, error);
  }
  return failures;
}

/** Damage in one branch makes the server give up in the middle; a server that does not answer fails for all. */
function mayBeOfOne(error: unknown): boolean {
  if (!(error instanceof GitFailure) || isMissingRemoteRef(error)) return false;
  if (error.code === 'git_unreachable') return /hung up|early EOF|disconnect/.test(error.output);
  return error.code === 'git_failed' || error.code === 'git_server' || error.code === 'git_ref_conflict';
}
