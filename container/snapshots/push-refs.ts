import { RelightError } from '../../src/contract/errors.ts';
import { GitFailure } from '../git/errors.ts';
import { repoDir } from '../git/layout.ts';
import type { Git } from '../git/run-git.ts';
import { linesOf } from './byte-path.ts';
import { runNamed } from './named-git.ts';

/** A commit on its way to a ref of the remote; `lease` is what the ref has to be at before, null for nowhere. */
export interface PushTask {
  readonly ref: string;
  readonly commit: string;
  readonly lease: string | null;
}

/** What became of a push: `at` is what the remote says the ref is at now. */
export interface Pushed {
  readonly outcome: 'stored' | 'refused' | 'failed';
  readonly at: string | null;
  readonly reason: string;
}

/** Reasons that are no word on whether the server takes such a ref at all. */
const PASSING = /stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref|unpacker error/;

/** Above so many refs one listing of everything is quicker, and the command line stays short. */
const NAMED_MAX = 50;

/**
 * Pushes commits, all in one push, and asks the remote afterwards what it has: only that counts. `refused` is a server
 * that does not take the ref. Throws RelightError where the remote cannot be asked, or the push as a whole fails.
 * (https://git-scm.com/docs/git-push, `--porcelain` and `--force-with-lease`.)
 */
export async function pushRefs(
  git: Git,
  rig: string,
  tasks: readonly PushTask[],
): Promise<Map<string, Pushed>> {
  const leases = tasks.map(({ ref, lease }) => `--force-with-lease=${ref}:${lease ?? ''}`);
  const refspecs = tasks.map(({ ref, commit }) => `${commit}:${ref}`);
  const said = await push(git, rig, [...leases, 'origin', ...refspecs]);
  const listed = await listRefs(git, rig, tasks.length > NAMED_MAX ? [] : tasks.map(({ ref }) => ref));
  return new Map(
    tasks.map(({ ref, commit }): [string, Pushed] => {
      const at = listed.get(ref) ?? null;
      if (at === commit) return [ref, { outcome: 'stored', at, reason: '' }];
      const reason = said.get(ref) ?? `it is at ${at ?? 'nothing'}`;
      const refused = said.has(ref) && !PASSING.test(reason);
      return [ref, { outcome: refused ? 'refused' : 'failed', at, reason }];
    }),
  );
}

/**
 * Deletes refs of the remote, each only while it is at its commit, where one is given. Those that are gone already do not
 * matter.
 */
export async function deleteRefs(
  git: Git,
  rig: string,
  refs: ReadonlyMap<string, string | null>,
): Promise<void> {
  const listed = await listRefs(git, rig, refs.size > NAMED_MAX ? [] : [...refs.keys()]);
  // git refuses a push as a whole that deletes a ref which is not there.
  const there = [...refs].flatMap(([ref, expected]) => {
    const at = listed.get(ref);
    return at === undefined || (expected !== null && expected !== at) ? [] : [{ ref, at }];
  });
  if (there.length === 0) return;
  const leases = there.map(({ ref, at }) => `--force-with-lease=${ref}:${at}`);
  const said = await push(git, rig, [...leases, 'origin', ...there.map(({ ref }) => `:${ref}`)]);
  const [refusal] = said.values();
  if (refusal !== undefined)
    throw new RelightError('snapshot_store', `the remote deletes no ref: ${refusal}`);
}

/** Refs of the remote by full name. Throws RelightError where it cannot be asked: that is not an empty answer. */
export async function listRefs(
  git: Git,
  rig: string,
  patterns: readonly string[],
): Promise<Map<string, string>> {
  const gitDir = repoDir(git.workspace, rig);
  const args = ['ls-remote', '--refs', 'origin', ...patterns];
  const answer = await runNamed(git, { gitDir }, args, { network: true, credentialsOf: rig });
  const refs = new Map<string, string>();
  for (const line of linesOf(answer)) {
    const [, commit, ref] = /^([0-9a-f]{40,64})\t(\S+)$/.exec(line) ?? [];
    if (commit !== undefined && ref !== undefined) refs.set(ref, commit);
  }
  return refs;
}

/** Pushes, and gives the server's reasons for the refs that it did not take. */
async function push(git: Git, rig: string, args: readonly string[]): Promise<Map<string, string>> {
  const gitDir = repoDir(git.workspace, rig);
  const options = ['--porcelain', '--no-verify', '--no-signed', '--recurse-submodules=no', '--progress'];
  try {
    await runNamed(git, { gitDir }, ['push', ...options, ...args], { network: true, credentialsOf: rig });
    return new Map();
  } catch (error) {
    if (!(error instanceof GitFailure) || error.exitCode !== 1) throw error;
    const refusals = new Map<string, string>();
    for (const line of error.output.split('\n')) {
      const [, ref, reason] = /^!\t[^\t]*:(\S+)\t(.*)$/.exec(line) ?? [];
      if (ref !== undefined && reason !== undefined) refusals.set(ref, reason);
    }
    if (refusals.size === 0) throw error;
    return refusals;
  }
}
