import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** Variables of the control server that git and the programs under it need; nothing else is handed on. */
const INHERITED = [
  'PATH',
  'HOME',
  'TMPDIR',
  'SSH_AUTH_SOCK',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'http_proxy',
  'https_proxy',
  'HTTPS_PROXY',
  'no_proxy',
  'NO_PROXY',
];

/**
 * The whole environment of a git command that runs in `dir`. The ceiling keeps git from walking up to the repository
 * of a parent folder (https://git-scm.com/docs/git, GIT_CEILING_DIRECTORIES).
 */
export function gitEnvironment(dir: string): Record<string, string> {
  const inherited: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = process.env[name];
    if (value !== undefined) inherited[name] = value;
  }
  return {
    ...inherited,
    LANG: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CEILING_DIRECTORIES: dirname(dir),
  };
}

/** Settings that make a missing git-lfs harmless: files stay the pointers that they are in the repository. */
export const WITHOUT_LFS: Readonly<Record<string, string>> = {
  'filter.lfs.process': '',
  'filter.lfs.smudge': '',
  'filter.lfs.clean': '',
  'filter.lfs.required': 'false',
};

/** Whether the `git-lfs` program is on the control server's PATH. */
export function hasGitLfs(): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.some((folder) => existsSync(join(folder, 'git-lfs')));
}

/**
 * The settings of every git command that Relight runs, as `-c` values; `credentials` are those that make it ask for a
 * rig's. Agents may write the repository's own configuration, so whatever there could start a program in a command of
 * ours, or send it elsewhere, is overridden.
 */
export function gitSettings(lfs: boolean, credentials: Readonly<Record<string, string>>): string[] {
  const settings = [
    'core.hooksPath=/dev/null',
    'core.fsmonitor=false',
    'core.askPass=',
    'core.sshCommand=ssh -o BatchMode=yes -o ConnectTimeout=15',
    // A repository that has moved is followed, but only from the first request: credentials are asked for anew there.
    'http.followRedirects=initial',
    'gc.auto=0',
    'maintenance.auto=false',
    // The empty value forgets the helpers of every configuration file.
    'credential.helper=',
  ];
  const more = { ...credentials, ...(lfs ? {} : WITHOUT_LFS) };
  return [...settings, ...Object.entries(more).map(([key, value]) => `${key}=${value}`)];
}
