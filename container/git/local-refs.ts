import type { Git, GitCommand } from './run-git.ts';

/** Commits by full ref name: an agent's branches, what was seen of the remote, and the commits kept by Relight. */
export type LocalRefs = Map<string, string>;

/** Where commits that no branch holds any more are kept: `refs/relight/kept/<agent>/<n>`. */
export const KEPT_REFS = 'refs/relight/kept/';

/** The remote-tracking ref of a branch: the only place that fetches write to. */
export function trackingRef(branch: string): string {
  return `refs/remotes/origin/${branch}`;
}

/** The refs of a bare repository that a restore looks at. */
export async function readLocalRefs(git: Git, repo: string, command: GitCommand): Promise<LocalRefs> {
  const places = ['refs/heads', 'refs/remotes/origin', 'refs/relight'];
  const listed = await git.run(
    repo,
    ['for-each-ref', '--format=%(objectname) %(refname)', ...places],
    command,
  );
  const refs: LocalRefs = new Map();
  for (const line of listed.split('\n')) {
    const [commit, ref] = line.split(' ');
    if (commit !== undefined && ref !== undefined) refs.set(ref, commit);
  }
  return refs;
}

/** Keeps a commit for an agent under a ref of its own, so that it can be found and fetched; the ref's name. */
export async function keepCommit(
  git: Git,
  repo: string,
  refs: LocalRefs,
  { agent, commit }: { agent: string; commit: string },
): Promise<string> {
  const folder = `${KEPT_REFS}${agent}/`;
  for (const [ref, kept] of refs) if (ref.startsWith(folder) && kept === commit) return ref;
  let n = 1;
  while (refs.has(`${folder}${n}`)) n += 1;
  const ref = `${folder}${n}`;
  await git.run(repo, ['update-ref', ref, commit]);
  refs.set(ref, commit);
  return ref;
}
