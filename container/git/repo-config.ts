import { WITHOUT_LFS } from './git-environment.ts';

/** Which branches a rig's repository follows. */
export interface Followed {
  readonly branches: readonly string[];
  readonly bases: readonly string[];
}

/** The file in the bare repository that holds Relight's settings; the repository's own `config` includes it. */
export const SETTINGS_FILE = 'relight.config';

const LFS_INSTALLED: Readonly<Record<string, string>> = {
  'filter.lfs.process': 'git-lfs filter-process',
  'filter.lfs.smudge': 'git-lfs smudge -- %f',
  'filter.lfs.clean': 'git-lfs clean -- %f',
  'filter.lfs.required': 'true',
};

/**
 * Relight's settings of a repository. An agent's plain `git fetch` gets the followed branches only: an exact refspec
 * of a branch that the remote lacks fails the whole fetch, so agents' branches are followed by a pattern.
 */
export function settingsText({ branches, bases }: Followed, lfs: boolean): string {
  const refspecs = [
    ...bases.map((name) => `+refs/heads/${name}:refs/remotes/origin/${name}`),
    ...branches
      .filter((name) => !bases.includes(name))
      .map((name) => `+refs/heads/${name}*:refs/remotes/origin/${name}*`),
  ];
  return [
    '[core]',
    '\tlogAllRefUpdates = true',
    '[gc]',
    '\tauto = 0',
    '[maintenance]',
    '\tauto = false',
    '[remote "origin"]',
    '\ttagOpt = --no-tags',
    ...refspecs.map((refspec) => `\tfetch = ${quoted(refspec)}`),
    '[filter "lfs"]',
    ...Object.entries(lfs ? LFS_INSTALLED : WITHOUT_LFS).map(
      ([key, value]) => `\t${key.slice('filter.lfs.'.length)} = ${quoted(value)}`,
    ),
    '',
  ].join('\n');
}

/**
 * What a new repository's own `config` gets: the remote, the inclusion of the settings, and the upstream of every
 * branch. These are single values that agents may set too (`git push -u`), so they live where git writes them.
 */
export function ownConfigText(url: string, branches: readonly string[]): string {
  return [
    '[remote "origin"]',
    `\turl = ${quoted(url)}`,
    '[include]',
    `\tpath = ${SETTINGS_FILE}`,
    ...branches.flatMap((name) => [
      `[branch ${quoted(name)}]`,
      '\tremote = origin',
      `\tmerge = ${quoted(`refs/heads/${name}`)}`,
    ]),
    '',
  ].join('\n');
}

/** A value or section name in the syntax of https://git-scm.com/docs/git-config#_syntax. */
function quoted(value: string): string {
  return `"${value.replaceAll(/[\\"]/g, String.raw`\$&`)}"`;
}
