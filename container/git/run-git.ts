import { mkdirSync, realpathSync } from 'node:fs';
import { RelightError } from '../../src/contract/errors.ts';
import { ownerOf } from '../files/owner.ts';
import type { Users } from '../users/users.ts';
import { CURL_TRACE, redirectIn, retryAfterIn, withoutTrace } from './curl-trace.ts';
import { GitFailure, readFailure, Redirected } from './errors.ts';
import { gitEnvironment, gitSettings, hasGitLfs } from './git-environment.ts';
import { runProcess } from './git-process.ts';
import type { ProcessOrder } from './git-process.ts';
import { HostGates } from './host-gates.ts';
import { FOLLOW_NOTHING, throughGuard } from './remote-guard.ts';
import type { RemoteGuard } from './remote-guard.ts';
import { hostOf, remoteUrlOf } from './remote-host.ts';

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
  readonly gates?: HostGates;
  /** Which remotes are talked to; null for any. */
  readonly guard?: RemoteGuard | null;
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
  /** Further variables of git's own (https://git-scm.com/docs/git#_environment_variables). */
  readonly env?: Readonly<Record<string, string>>;
  /** How many files it is about, where it is one of many that wait for a host; the smallest comes first. */
  readonly files?: number | null;
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
  const gates = settings.gates ?? new HostGates();
  const guard = settings.guard ?? null;
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
        settings: [...gitSettings(lfs, asking ?? {}), ...shared, ...(guard === null ? [] : [FOLLOW_NOTHING])],
      };
      const url = command.network === true ? remoteUrlOf(workspace, dir, args) : null;
      const attempt = async (): Promise<string> => {
        if (url === null) return await runOnce(run);
        if (guard === null) return await throughGate(gates, hostOf(url), run);
        return await throughGuard(
          guard,
          url,
          async (more) =>
            await throughGate(gates, hostOf(url), { ...run, settings: [...run.settings, ...more] }),
        );
      };
      try {
        return await attempt();
      } catch (error) {
        const isRefusal = error instanceof GitFailure && error.code === 'git_auth';
        if (!isRefusal || rig === null || asking === null || settings.onRefused === undefined) throw error;
        // A token may have expired or been replaced since it was given out: a fresh one gets one try.
        settings.onRefused(rig);
        return await attempt();
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

/** HOME of a folder's owner. Throws for root's: git as root is nobody's wish. */
function homeOf(dir: string, users: Users): string {
  const owner = ownerOf(dir);
  if (owner !== null) return users.homeOf(owner.uid);
  throw new RelightError('git_failed', `git is not run as root, and ${dir} is root's`);
}

async function throughGate(gates: HostGates, host: string, run: Run): Promise<string> {
  const { signal, files = null } = run.command;
  try {
    return await gates.through(host, async () => await runOnce(run), { signal, files });
  } catch (error) {
    if (signal?.aborted && !(error instanceof RelightError)) throw stopped(signal);
    throw error;
  }
}

async function runOnce(run: Run): Promise<string> {
  const { args, command } = run;
  const { signal, network = false } = command;
  if (signal?.aborted) throw stopped(signal);
  const name = args[0] ?? '';
  const end = await runProcess(orderFor(run)).catch((error: unknown) => {
    throw readFailure(name, null, error instanceof Error ? error.message : String(error));
  });
  if (end.stopped === 'signal' && signal !== undefined) throw stopped(signal);
  if (end.stopped === 'limit') throw overdue(name, network, 'took too long');
  if (end.stopped === 'silence') throw overdue(name, network, 'made no progress');
  if (end.exitCode === 0) return end.stdout;
  // The trace is in what it said, and in nothing that leaves this function.
  const said = withoutTrace(`${end.stderr}${end.stdout}`);
  const failure = readFailure(name, end.exitCode, said, retryAfterIn(end.stderr, Date.now()));
  const location = network ? redirectIn(end.stderr) : null;
  throw location === null ? failure : new Redirected(location, failure);
}

function orderFor({ dir, args, command, limits, settings, home }: Run): ProcessOrder {
  const { network = false, input = '', onPackets, background = false } = command;
  const git = background ? (['nice', 'git'] as const) : (['git'] as const);
  return {
    words: [...git, ...settings.flatMap((setting) => ['-c', setting]), ...args],
    dir,
    user: ownerOf(dir),
    env: {
      ...gitEnvironment(dir),
      ...(network ? CURL_TRACE : {}),
      ...(home === null ? {} : { HOME: home }),
      ...(onPackets === undefined ? {} : { GIT_TRACE_PACKET: '1' }),
      ...command.env,
    },
    input,
    signal: command.signal,
    limitMs: network ? limits.networkMs : limits.localMs,
    silenceMs: network ? limits.noProgressMs : null,
    onStderr: onPackets,
  };
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
