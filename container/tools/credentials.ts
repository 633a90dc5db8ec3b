import { fileURLToPath } from 'node:url';
import { CALLBACKS } from '../../src/contract/callbacks.ts';
import { RelightError } from '../../src/contract/errors.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { log } from '../log.ts';
import type { WorkerClient } from '../worker-client.ts';
import { shellQuote } from './shell-quote.ts';
import type { ToolAnswer, ToolRoutes } from './sockets.ts';

const HELPER = fileURLToPath(new URL('./git-credential.ts', import.meta.url));

/** Where a rig's repository is and whether Relight has a credential for it. */
export interface Remote {
  readonly gitUrl: string;
  readonly credential: boolean;
}

/** git's `credential.helper` setting that asks the control server on this socket (gitcredentials(7)). */
export function helperSetting(socketPath: string): string {
  return `!${[process.execPath, HELPER, socketPath].map(shellQuote).join(' ')}`;
}

/** Answers git's questions for credentials: asks the Worker each time, and keeps nothing. */
export class Credentials {
  readonly #worker: WorkerClient;
  readonly #lifecycle: Lifecycle;
  readonly #remotes = new Map<string, Remote>();
  /** Rigs whose last credential was refused: the next one has to be a fresh one. */
  readonly #refused = new Set<string>();

  constructor(worker: WorkerClient, lifecycle: Lifecycle) {
    this.#worker = worker;
    this.#lifecycle = lifecycle;
  }

  /** Takes over where the rig's repository is, from its newest restore request. */
  remember(rig: string, remote: Remote): void {
    this.#remotes.set(rig, { gitUrl: remote.gitUrl, credential: remote.credential });
  }

  /** Whether Relight has a credential for the rig; false for a rig that was never restored here. */
  has(rig: string): boolean {
    return this.#remotes.get(rig)?.credential ?? false;
  }

  /** The rig's host refused the last credential. */
  refused(rig: string): void {
    this.#refused.add(rig);
  }

  /** What git's credential helper finds on a socket: an answer to `get`, and somebody to tell of an `erase`. */
  routes(rig: string): ToolRoutes {
    return {
      '/credential': async (question) => await this.answer(rig, question),
      '/credential-refused': async () => {
        this.refused(rig);
        return await Promise.resolve({ type: 'text/plain', text: '' });
      },
    };
  }

  /** Answers one `get` (git-credential(1)). Empty for every host but the rig's own. */
  async answer(rig: string, question: string): Promise<ToolAnswer> {
    const remote = this.#remotes.get(rig);
    if (remote === undefined || !remote.credential || !asksFor(question, remote.gitUrl)) {
      log.info('git.credential-not-for-this-host', { rig });
      return { type: 'text/plain', text: '' };
    }
    const fresh = this.#refused.has(rig);
    const message = { life: this.#lifecycle.life, rig, fresh };
    const { username, password } = await this.#worker.call(CALLBACKS.credential, message);
    this.#refused.delete(rig);
    if (/[\0\r\n]/.test(username + password)) {
      throw new RelightError('git_auth', 'The credential has a line break in it, git cannot be told it');
    }
    return { type: 'text/plain', text: `username=${username}\npassword=${password}\n` };
  }
}

function asksFor(question: string, gitUrl: string): boolean {
  if (!/^https?:/.test(gitUrl)) return false;
  const { protocol, host } = new URL(gitUrl);
  const asked = new Map(question.split('\n').map((line) => splitAtEquals(line)));
  const scheme = asked.get('protocol') ?? '';
  if (`${scheme}:` !== protocol || !URL.canParse(`${scheme}://${asked.get('host') ?? ''}`)) return false;
  // Through URL, so that a default port and the letter case make no difference.
  return new URL(`${scheme}://${asked.get('host') ?? ''}`).host === host;
}

function splitAtEquals(line: string): [string, string] {
  const at = line.indexOf('=');
  return at === -1 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}
