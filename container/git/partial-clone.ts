import { join } from 'node:path';
import type { RestoreRequest } from '../../src/contract/control.ts';
import { sshPlaceOf } from '../../src/contract/git-names.ts';
import { bytesOf } from '../files/read.ts';
import type { RemoteRefs } from './remote-refs.ts';
import type { Git, GitCommand } from './run-git.ts';
import { setConfig } from './set-config.ts';

/** https://git-scm.com/docs/partial-clone */
const WITHOUT_CONTENTS = '--filter=blob:none';

/** So many objects are asked for at a time while a history is completed: each answer is bounded. */
const OBJECTS_AT_ONCE = 20_000;

/** How a repository is fetched: `parts` of it one by one, all of it `at once`, or only the `newest` commits. */
export type FetchWay = 'parts' | 'at once' | 'newest';

/**
 * How a repository is fetched for the first time. Not in parts over ssh: single contents can be asked for in version 2 of
 * git's protocol alone, which ssh servers may not let through (https://git-scm.com/docs/protocol-v2).
 */
export function wayToFetch(
  { history, gitUrl }: Pick<RestoreRequest, 'history' | 'gitUrl'>,
  { filters }: Pick<RemoteRefs, 'filters'>,
): FetchWay {
  if (history === 'shallow') return 'newest';
  return filters && sshPlaceOf(gitUrl) === null ? 'parts' : 'at once';
}

/**
 * The options of the first fetch. In parts, commits and folders of the whole history come at once, contents for what is
 * checked out beside them, all others later: agents wait for no byte that they do not need. Commits that are here already
 * say nothing about their history then, so nothing is offered (`--refetch`).
 */
export const FIRST_FETCH: Readonly<Record<FetchWay, readonly string[]>> = {
  parts: ['--refetch', WITHOUT_CONTENTS],
  'at once': [],
  newest: ['--depth=1'],
};

/** Whether contents of the history may be missing in the repository. */
export function isPartial(repo: string): boolean {
  return bytesOf(join(repo, 'config'))?.includes('partialclonefilter') ?? false;
}

/** Fetches all contents that a checkout of these commits needs, in one negotiation. */
export async function fetchContents(
  git: Git,
  repo: string,
  commits: ReadonlySet<string>,
  command: GitCommand,
): Promise<void> {
  if (commits.size === 0) return;
  const missing = await listMissing(git, repo, ['--no-walk', ...commits], command);
  await fetchObjects(git, repo, missing, command);
}

/**
 * Fetches what the history lacks, without being felt by others, until nothing is missing. May be cut off anywhere and
 * called again. What an agent needs meanwhile, its git fetches by itself.
 */
export async function completeHistory(git: Git, repo: string, command: GitCommand): Promise<void> {
  const background: GitCommand = { ...command, background: true };
  for (;;) {
    const all = await listMissing(git, repo, ['--all'], background);
    if (all.length === 0) break;
    // A server that is asked for a folder without contents leaves out those that it is asked for by name, too.
    const folders = await listMissing(git, repo, ['--filter=blob:none', '--all'], background);
    const missing = folders.length > 0 ? folders : all;
    for (let from = 0; from < missing.length; from += OBJECTS_AT_ONCE) {
      await fetchObjects(git, repo, missing.slice(from, from + OBJECTS_AT_ONCE), background);
    }
  }
  await setConfig(git, repo, 'remote.origin.partialclonefilter', null);
}

/** Objects that commits lead to and that are not here (`--missing` of https://git-scm.com/docs/git-rev-list). */
async function listMissing(
  git: Git,
  repo: string,
  commits: readonly string[],
  command: GitCommand,
): Promise<string[]> {
  const listed = await git.run(
    repo,
    ['rev-list', '--objects', '--quiet', '--missing=print', ...commits],
    command,
  );
  return listed.split('\n').flatMap((line) => (line.startsWith('?') ? [line.slice(1)] : []));
}

/** As git does it by itself for one object: nothing that is here is offered, for none of it helps. */
async function fetchObjects(
  git: Git,
  repo: string,
  oids: readonly string[],
  command: GitCommand,
): Promise<void> {
  if (oids.length === 0) return;
  const options = ['--stdin', '--progress', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules'];
  const words = ['-c', 'fetch.negotiationAlgorithm=noop', 'fetch', ...options, WITHOUT_CONTENTS, 'origin'];
  await git.run(repo, words, { ...command, network: true, input: oids.map((oid) => `${oid}\n`).join('') });
}
