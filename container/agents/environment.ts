import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { agentEmail } from '../agent-email.ts';
import type { Config } from '../config.ts';
import type { CredentialSettings } from '../tools/credentials.ts';
import { shellQuote } from '../tools/shell-quote.ts';
import { cacheDir, homeDir } from './places.ts';

/** Who a child process works for. `bead` and `branch` are those of the start or of the restore. */
export interface Worker {
  readonly rig: string;
  readonly agent: string;
  readonly bead: string;
  readonly branch: string;
}

/** The folder with the `gt` command. */
export const GT_BIN_DIR = fileURLToPath(new URL('../tools/bin', import.meta.url));

/** Where a command of its own kind keeps what it wants to find again, by its path below HOME. */
export const OWN_SESSION = '.local/share/gt/session';

/** What `gt` needs where a program hands on none of the agent's environment: a file, by its path below HOME. */
export function gtEnvironment(socket: string): Record<string, string> {
  const [quotedSocket, quotedNode] = [shellQuote(socket), shellQuote(process.execPath)];
  return { '.config/gt/env': `export GT_SOCKET=${quotedSocket} GT_NODE=${quotedNode}\n` };
}

/**
 * Where package managers keep what they downloaded, for all worktrees of a rig: each of these folders is made for use by
 * several processes at a time, and checked by content.
 */
function packageCaches(workspace: string, rig: string): Record<string, string> {
  const cache = (name: string): string => join(cacheDir(workspace, rig), name);
  return {
    npm_config_cache: cache('npm'),
    npm_config_store_dir: cache('pnpm'),
    YARN_CACHE_FOLDER: cache('yarn'),
    BUN_INSTALL_CACHE_DIR: cache('bun'),
    PIP_CACHE_DIR: cache('pip'),
    UV_CACHE_DIR: cache('uv'),
    GOMODCACHE: cache('go'),
  };
}

/**
 * The whole environment of an agent's or a setup's process: nothing of the control server's own is inherited.
 * `credentials` are git's settings that ask the control server at the moment of use.
 */
export function environmentOf(
  config: Config,
  worker: Worker,
  credentials: CredentialSettings,
): Record<string, string> {
  const email = agentEmail(worker);
  const home = homeDir(config.workspace, worker.rig, worker.agent);
  return {
    // The folder of the running Node comes last: scripts with `#!/usr/bin/env node` work wherever it is installed.
    PATH: [GT_BIN_DIR, config.path, dirname(process.execPath)].join(':'),
    HOME: home,
    LANG: config.lang,
    TMPDIR: config.tmpDir,
    ...packageCaches(config.workspace, worker.rig),
    ...(config.mark === null ? {} : { RELIGHT_CONTAINER: config.mark }),
    GT_NODE: process.execPath,
    GT_TOWN: config.town,
    GT_RIG: worker.rig,
    GT_AGENT: worker.agent,
    GT_BEAD: worker.bead,
    GT_BRANCH: worker.branch,
    GT_SESSION_DIR: join(home, OWN_SESSION),
    GIT_AUTHOR_NAME: worker.agent,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: worker.agent,
    GIT_COMMITTER_EMAIL: email,
    GIT_TERMINAL_PROMPT: '0',
    // The empty helper forgets those of other configuration files.
    ...gitConfig([['credential.helper', ''], ...Object.entries(credentials)]),
  };
}

/** Settings of git in an environment (git-config(1), GIT_CONFIG_COUNT). */
function gitConfig(settings: readonly (readonly [string, string])[]): Record<string, string> {
  const variables = settings.flatMap(([key, value], at) => [
    [`GIT_CONFIG_KEY_${String(at)}`, key],
    [`GIT_CONFIG_VALUE_${String(at)}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(settings.length), ...Object.fromEntries(variables) };
}
