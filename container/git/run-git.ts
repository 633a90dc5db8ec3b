import { mkdirSync, realpathSync } from 'node:fs';
import { GitPluginError, simpleGit } from 'simple-git';
import type { SimpleGit, SimpleGitOptions } from 'simple-git';
import { RelightError } from '../../src/contract/errors.ts';
import { ownerOf } from '../files/owner.ts';
import type { Users } from '../users/users.ts';
import { GitFailure, readFailure } from './errors.ts';
import { GIT_VARIABLES, gitEnvironment, gitSettings, hasGitLfs } from './git-environment.ts';

/** Limits of one git command, in milliseconds; `noProgressMs` counts from the last byte that it wrote. */
export interface GitLimits {
  readonly localMs: number;
  readonly networkMs: number;
  readonly noProgressMs: number;
}

const LIMITS: GitLimits = { localMs: 15 * 60_000, networkMs: 30 * 60_000, noProgressMs: 120_000 };

/**
 * `credentials` gives the settings that make git ask for a rig's credential, and hold none; null where there is none.
 * `home` is that of the user whom git runs as, null where it is this process's own.
 */
export interface GitSettings {
  readonly workspace: string;
  readonly credentials?: (rig: string, home: string | null) => Readonly<Record<string, string>> | null;
  /** Hears that the rig's host refused a credential; the command is run once more then. */
  readonly onRefused?: (rig: string) => void;
  readonly limits?: Partial<GitLimits>;
  readonly users?: Users | null;
}

/**
 * `credentialsOf` names the rig whose credential the command may ask for; null for none. `onPackets` hears what git
 * traces of its talk with the server (GIT_TRACE_PACKET of https://git-scm.com/docs/git).
 */
export interface GitCommand {
  readonly network?: boolean;
  readonly credentialsOf?: string | null;
  readonly input?: string;
  readonly signal?: AbortSignal | undefined;
  readonly onPackets?: (trace: string) => void;
  /** Gives way to every other process: `nice` of POSIX. */
  readonly background?: boolean;
}

/** The one way to run git. `lfs` tells whether git-lfs is installed. */
export interface Git {
  readonly workspace: string;
  readonly lfs: boolean;
  /** Whose the folders are that are made for rigs and agents; null where all of them belong to one user. */
  readonly users: Users | null;
  /**
   * Runs `git <args>` in `dir` and returns its standard output. It runs as the owner of
   * `dir`, where this process can act for that user: whoever can write in a repository can have its git run programs.
   * Throws a `GitFailure` with a code of the contract for
   * every exit code but 0, and a RelightError `draining` or `restore_timeout` when `signal` stopped it.
   */
  run(dir: string, args: readonly string[], command?: GitCommand): Promise<string>;
}

/** Makes the workspace folder and the git runner for it. */
export function createGit(settings: GitSettings): Git {
  mkdirSync(settings.workspace, { recursive: true });
  // Git writes real paths into its files; ours are compared with them.
  const workspace = realpathSync(settings.workspace);
  const limits = { ...LIMITS, ...settings.limits };
  const lfs = hasGitLfs();
  const users = settings.users ?? null;
  return {
    workspace,
    lfs,
    users,
    async run(dir, args, command = {}) {
      const rig = command.credentialsOf ?? null;
      const home = users === null ? null : homeOf(dir, users);
      const asking = rig === null ? null : (settings.credentials?.(rig, home) ?? null);
      const shared = users === null ? [] : ['core.sharedRepository=group'];
      const run = {
        dir,
        args,
        command,
        limits,
        home,
        settings: [...gitSettings(lfs, asking ?? {}), ...shared],
      };
      try {
        return await runOnce(run);
      } catch (error) {
        const isRefusal = error instanceof GitFailure && error.code === 'git_auth';
        if (!isRefusal || rig === null || asking === null || settings.onRefused === undefined) throw error;
        // A token may have expired or been replaced since it was given out: a fresh one gets one try.
        settings.onRefused(rig);
        return await runOnce(run);
      }
    },
  };
}

/** The same git, for work that agents must not feel. */
export function inBackground(git: Git): Git {
  return {
    ...git,
    run: async (dir, args, command = {}) => await git.run(dir, args, { ...command, background: true }),
  };
}

/** Asks git a question whose answer "no" is exit code 1 without a word; null stands for that answer. */
export async function askGit(git: Git, dir: string, args: readonly string[]): Promise<string | null> {
  try {
    return (await git.run(dir, args)).trimEnd();
  } catch (error) {
    if (error instanceof GitFailure && error.exitCode === 1 && error.output.trim() === '') return null;
    throw error;
  }
}

interface Run {
  readonly dir: string;
  readonly args: readonly string[];
  readonly command: GitCommand;
  readonly limits: GitLimits;
  readonly settings: string[];
  /** HOME of the user who runs it, where that is not this process's own. */
  readonly home: string | null;
}

/** simple-git refuses these settings unless they are opted into; `gitSettings` says what they are here for. */
const UNSAFE = {
  allowUnsafeAskPass: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeCredentialHelper: true,
  allowUnsafeFilter: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeHooksPath: true,
  allowUnsafeSshCommand: true,
  allowUnsafeTemplateDir: true,
};

/** HOME of a folder's owner. Throws for root's: git as root is nobody's wish. */
function homeOf(dir: string, users: Users): string {
  const owner = ownerOf(dir);
  if (owner !== null) return users.homeOf(owner.uid);
  throw new RelightError('git_failed', `git is not run as root, and ${dir} is root's`);
}

/** How a git process ended. */
interface Ending {
  exitCode: number | null;
  output: string;
}

async function runOnce(run: Run): Promise<string> {
  const { args, command, limits } = run;
  const { signal, network = false } = command;
  if (signal?.aborted) throw stopped(signal);
  const deadline = AbortSignal.timeout(network ? limits.networkMs : limits.localMs);
  const abort = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  const ending: Ending = { exitCode: null, output: '' };
  try {
    return await runnerFor(run, abort, ending).raw([...args]);
  } catch (error) {
    if (signal?.aborted) throw stopped(signal);
    const name = args[0] ?? '';
    if (deadline.aborted) throw overdue(name, network, 'took too long');
    if (error instanceof GitPluginError) {
      if (error.plugin === 'timeout') throw overdue(name, network, 'made no progress');
      throw error;
    }
    const output = ending.output === '' && error instanceof Error ? error.message : ending.output;
    throw readFailure(name, ending.exitCode, output);
  }
}

function runnerFor(
  { dir, command, limits, settings, home }: Run,
  abort: AbortSignal,
  ending: Ending,
): SimpleGit {
  const { network = false, input, onPackets, background = false } = command;
  const owner = ownerOf(dir);
  const options: Partial<SimpleGitOptions> = {
    baseDir: dir,
    binary: background ? ['nice', 'git'] : 'git',
    config: settings,
    allowEnvironment: GIT_VARIABLES,
    abort,
    // A process that inherited the pipes may outlive git; its output is not waited for any longer than this.
    completion: { onClose: true, onExit: 1000 },
    unsafe: UNSAFE,
    // simple-git takes a failure without a word on standard error for a success; here only exit code 0 is one.
    errors(error, { exitCode, stdOut, stdErr }) {
      const said = Buffer.concat([...stdErr, ...stdOut]);
      ending.exitCode = exitCode;
      ending.output = said.toString();
      return exitCode === 0 ? error : (error ?? said);
    },
  };
  if (owner !== null) options.spawnOptions = owner;
  if (network) options.timeout = { block: limits.noProgressMs };
  if (input !== undefined) options.input = () => input;
  const environment = gitEnvironment(dir);
  if (home !== null) environment['HOME'] = home;
  if (onPackets === undefined) return simpleGit(options).env(environment);
  return simpleGit(options)
    .env({ ...environment, GIT_TRACE_PACKET: '1' })
    .outputHandler((_command, _stdout, stderr) => {
      stderr.on('data', (chunk: Buffer) => onPackets(chunk.toString()));
    });
}

function overdue(name: string, network: boolean, what: string): GitFailure {
  const code = network ? 'git_unreachable' : 'git_failed';
  return new GitFailure(code, `git ${name}: ${what} and was stopped`, { exitCode: null, output: '' });
}

function stopped(signal: AbortSignal): RelightError {
  const reason: unknown = signal.reason;
  if (reason instanceof RelightError) return reason;
  const timedOut = reason instanceof DOMException && reason.name === 'TimeoutError';
  return timedOut
    ? new RelightError('restore_timeout', 'git was stopped: the deadline had passed')
    : new RelightError('draining', 'git was stopped: the control server shuts down');
}
