import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { isErrno } from '../agents/shells.ts';
import { errorFacts, log } from '../log.ts';
import type { Sockets } from './sockets.ts';
import { SshAgent } from './ssh-agent.ts';
import { SshAgentFilter } from './ssh-agent-filter.ts';

/** From the last time that a rig's key was asked for; enough for ssh to connect and to log in. */
const HELD_SECONDS = 60;

/** The ssh keys that are in use right now, each in an ssh-agent of its rig alone, which ends with the use. */
export class SshKeys {
  readonly #sockets: Sockets;
  readonly #env: Readonly<Record<string, string>>;
  readonly #agents = new Map<string, SshAgent>();
  readonly #timers = new Map<string, NodeJS.Timeout>();

  /** `env` is the environment of the processes, `sockets` has the places of what they listen on. */
  constructor(sockets: Sockets, env: Readonly<Record<string, string>>) {
    this.#sockets = sockets;
    this.#env = env;
  }

  /** Holds a rig's key for a minute. Throws `unusable_credential`, and `git_failed` where ssh-agent does not work. */
  async hold(rig: string, privateKey: string): Promise<void> {
    clearTimeout(this.#timers.get(rig));
    try {
      await this.#agentFor(rig, privateKey).add(privateKey, HELD_SECONDS);
    } finally {
      clearTimeout(this.#timers.get(rig));
      const timer = setTimeout(() => this.#end(rig), HELD_SECONDS * 1000);
      this.#timers.set(rig, timer.unref());
    }
  }

  /** Lets whoever is on the connection sign with the rig's key, and do nothing else to the agent that holds it. */
  async serve(rig: string, connection: Socket): Promise<void> {
    try {
      const agent = this.#agents.get(rig);
      if (agent === undefined) return;
      await pipeline(connection, new SshAgentFilter(), connect(agent.socketPath), connection);
    } catch (error) {
      // ssh hangs up as soon as it is logged in.
      if (!isErrno(error, 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'))
        log.warn('git.ssh-key-not-served', { rig, ...errorFacts(error) });
    } finally {
      connection.destroy();
    }
  }

  /** Ends everything at once. */
  endAll(): void {
    for (const rig of this.#agents.keys()) this.#end(rig);
  }

  /** The rig's agent that runs, or a new one. One that has another key is replaced: each is offered to the host. */
  #agentFor(rig: string, privateKey: string): SshAgent {
    const digest = createHash('sha256').update(privateKey).digest('hex');
    const path = this.#sockets.pathOf(`ssh-agent:${rig}:${digest}`);
    const running = this.#agents.get(rig);
    if (running?.isAlive === true && running.socketPath === path) return running;
    running?.end();
    const agent = new SshAgent(path, this.#env);
    this.#agents.set(rig, agent);
    return agent;
  }

  #end(rig: string): void {
    clearTimeout(this.#timers.get(rig));
    this.#timers.delete(rig);
    this.#agents.get(rig)?.end();
    this.#agents.delete(rig);
  }
}
