import { execa } from 'execa';

/**
 * The settings of git's own commands here. Contents may be left out of a fetch, as the large hosts allow; the last two keep a
 * push from leaving a process at work behind its answer.
 */
const CONFIG = {
  'http.receivepack': 'true',
  'uploadpack.allowFilter': 'true',
  // The directories may belong to another user, in a container for one.
  'safe.directory': '*',
  'receive.autogc': 'false',
  'gc.auto': '0',
};

/**
 * A minimal environment for git: the caller's PATH, a fixed identity, and nothing of the user's or the system's settings
 * (git(1), `GIT_CONFIG_*`).
 */
export function gitEnv(): Record<string, string> {
  const entries = Object.entries(CONFIG).flatMap(([key, value], at) => [
    [`GIT_CONFIG_KEY_${String(at)}`, key],
    [`GIT_CONFIG_VALUE_${String(at)}`, value],
  ]);
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'Git Server',
    GIT_AUTHOR_EMAIL: 'git-server@localhost',
    GIT_COMMITTER_NAME: 'Git Server',
    GIT_COMMITTER_EMAIL: 'git-server@localhost',
    GIT_CONFIG_COUNT: String(Object.keys(CONFIG).length),
    ...Object.fromEntries(entries),
  };
}

/** Runs git and gives its standard output without the last line end; throws execa's error when git fails. */
export async function git(args: string[], env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await execa('git', args, {
    env: { ...gitEnv(), ...env },
    extendEnv: false,
    stdin: 'ignore',
  });
  return stdout;
}
