import type { RelightError } from '../../src/contract/errors.ts';
import { asRelightError, GitFailure } from './errors.ts';
import { trackingRef } from './local-refs.ts';
import type { LocalRefs } from './local-refs.ts';
import type { RemoteRefs } from './remote-refs.ts';
import type { Git, GitCommand } from './run-git.ts';

/** The branches that are needed, which of them the remote must be asked for at which commit, and which of our records of it are about branches that it no longer has. */
export interface FetchPlan {
  readonly needed: ReadonlySet<string>;
  readonly missing: ReadonlyMap<string, string>;
  readonly vanished: readonly string[];
}

/** Compares what is needed with what is here. Branches that the remote lacks are not needed from it. */
export function planFetch(wanted: Iterable<string>, remote: RemoteRefs, local: LocalRefs): FetchPlan {
  const needed = new Set<string>();
  const missing = new Map<string, string>();
  for (const branch of wanted) {
    const head = remote.heads.get(branch);
    if (head === undefined) continue;
    needed.add(branch);
    if (local.get(trackingRef(branch)) !== head) missing.set(branch, head);
  }
  const prefix = trackingRef('');
  const vanished = [...local.keys()].filter(
    (ref) => ref.startsWith(prefix) && !remote.heads.has(ref.slice(prefix.length)),
  );
  return { needed, missing, vanished };
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

/** The options of every fetch of ours; `--progress` shows that it goes on. */
export const FETCH_OPTIONS = [
  '--progress',
  '--no-tags',
  '--no-write-fetch-head',
  '--no-recurse-submodules',
] as const;

/**
 * Fetches branches into `refs/remotes/origin/*`, in one negotiation. They are asked for by the commits that the remote was
 * seen to have, so its list of refs is not read again (https://git-scm.com/docs/git-fetch, `<refspec>`).
 */
export async function fetchRefs(
  git: Git,
  repo: string,
  heads: ReadonlyMap<string, string>,
  { extra = [], ...command }: FetchCommand,
): Promise<void> {
  const input = [...heads].map(([name, commit]) => `+${commit}:${trackingRef(name)}\n`).join('');
  const args = ['fetch', '--stdin', ...FETCH_OPTIONS, ...extra, 'origin'];
  await git.run(repo, args, { ...command, network: true, input });
}

/** Whether a fetch failed because a branch has moved or gone since the remote was asked. */
export function hasMovedOn(error: unknown): boolean {
  return error instanceof GitFailure && /not our ref|unadvertised object/.test(error.output);
}

/**
 * Fetches branches together; where that fails in a way that one branch can cause, one by one, so that a damaged branch
 * holds only itself back. Returns the failures by branch; throws when the remote itself is at fault.
 */
export async function fetchEach(
  git: Git,
  repo: string,
  heads: ReadonlyMap<string, string>,
  command: FetchCommand,
): Promise<Map<string, RelightError>> {
  const failures = new Map<string, RelightError>();
  if (heads.size === 0) return failures;
  try {
    await fetchRefs(git, repo, heads, command);
    return failures;
  } catch (error) {
    if (!mayBeOfOne(error)) throw error;
    if (heads.size === 1) return new Map([...heads.keys()].map((branch) => [branch, asRelightError(error)]));
  }
  for (const head of heads) {
    const alone = await fetchEach(git, repo, new Map([head]), command);
    for (const [name, error] of alone) failures.set(name, error);
  }
  return failures;
}

/** Damage in one branch makes the server give up in the middle; a server that does not answer fails for all. */
function mayBeOfOne(error: unknown): boolean {
  if (!(error instanceof GitFailure) || hasMovedOn(error)) return false;
  if (error.code === 'git_unreachable') return /hung up|early EOF|disconnect/.test(error.output);
  return error.code === 'git_failed' || error.code === 'git_server' || error.code === 'git_ref_conflict';
}
