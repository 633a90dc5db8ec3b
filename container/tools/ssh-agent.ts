import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { RelightError } from '../../src/contract/errors.ts';
import { isErrno } from '../agents/shells.ts';

/** ssh-agent ends soon after its command. This one tells the agent's pid, and lasts as long as the pipe to it. */
const COMMAND = ['sh', '-c', 'echo "$SSH_AGENT_PID"; exec cat >&2'];

/** A process of OpenSSH's ssh-agent(1): it holds keys in memory, signs with them, and never gives them out. */
export class SshAgent {
  readonly socketPath: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #command: ChildProcess;
  readonly #ready: Promise<void>;
  #pid: number | null = null;

  /** Starts an agent that listens on `socketPath`; it ends with this process, however that ends. */
  constructor(socketPath: string, env: Readonly<Record<string, string>>) {
    this.socketPath = socketPath;
    this.#env = env;
    rmSync(socketPath, { force: true });
    const command = spawn('ssh-agent', ['-a', socketPath, ...COMMAND], {
      env: { ...env },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#command = command;
    this.#ready = this.#readPid(command.stdout);
    // Whoever needs the agent hears of it.
    this.#ready.catch(() => undefined);
  }

  /** Whether it has not ended yet. */
  get isAlive(): boolean {
    const { pid, exitCode, signalCode } = this.#command;
    return pid !== undefined && exitCode === null && signalCode === null;
  }

  /**
   * Lets it hold a private key for some seconds (ssh-add(1)). Throws `unusable_credential` for what is no key or has a
   * passphrase, and `git_failed` where ssh-agent or ssh-add does not work.
   */
  async add(privateKey: string, seconds: number): Promise<void> {
    await this.#ready;
    const { exitCode, failed, stderr, originalMessage } = await execa(
      'ssh-add',
      ['-q', '-t', String(seconds), '-'],
      {
        env: { ...this.#env, SSH_AUTH_SOCK: this.socketPath, SSH_ASKPASS_REQUIRE: 'never' },
        extendEnv: false,
        input: privateKey,
        // Without a terminal nobody is asked for a passphrase.
        detached: true,
        reject: false,
      },
    );
    if (!failed) return;
    // 1 is said of the key, 2 of the agent.
    if (exitCode !== 1) throw new RelightError('git_failed', `ssh-add: ${originalMessage ?? stderr}`);
    const said = stderr.trim() || 'ssh-add cannot read it';
    const why = stderr.includes('passphrase') ? 'it has a passphrase' : said;
    throw new RelightError('unusable_credential', `the ssh key cannot be used: ${why}`);
  }

  /** Ends it at once. */
  end(): void {
    if (!this.isAlive) return;
    this.#command.kill('SIGKILL');
    try {
      if (this.#pid !== null) process.kill(this.#pid, 'SIGTERM');
    } catch (error) {
      if (!isErrno(error, 'ESRCH')) throw error;
    }
  }

  async #readPid(stdout: Readable): Promise<void> {
    const gone = once(this.#command, 'exit').then((): never => {
      throw new Error('it ended at once');
    });
    try {
      const [line]: unknown[] = await Promise.race([once(stdout, 'data'), gone]);
      this.#pid = Number(String(line));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new RelightError('git_failed', `ssh-agent cannot be started: ${why}`, { cause: error });
    }
  }
}
