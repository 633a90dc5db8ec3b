import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { CURL_TRACE } from './curl-trace.ts';

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

/** The `GIT_*` variables that Relight sets; simple-git refuses every one that is not named. */
export const GIT_VARIABLES = [
  'GIT_TERMINAL_PROMPT',
  'GIT_CONFIG_NOSYSTEM',
  'GIT_CONFIG_GLOBAL',
  'GIT_CEILING_DIRECTORIES',
  'GIT_TRACE_PACKET',
  ...Object.keys(CURL_TRACE),
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
 * The settings of every git command that Relight runs, as `-c` values. Agents may write the repository's own
 * configuration, so whatever there could start a program in a command of ours is overridden.
 */
export function gitSettings(lfs: boolean, credentialHelper: string | null): string[] {
  const settings = [
    'core.hooksPath=/dev/null',
    'core.fsmonitor=false',
    'core.askPass=',
    'core.sshCommand=ssh -o BatchMode=yes -o ConnectTimeout=15',
    'gc.auto=0',
    'maintenance.auto=false',
    // The empty value forgets the helpers of every configuration file.
    'credential.helper=',
  ];
  if (credentialHelper !== null) settings.push(`credential.helper=${credentialHelper}`);
  if (!lfs) for (const [key, value] of Object.entries(WITHOUT_LFS)) settings.push(`${key}=${value}`);
  return settings;
}
