import { fileURLToPath } from 'node:url';
import { CALLBACKS, type Credential } from '../../src/contract/callbacks.ts';
import { RelightError } from '../../src/contract/errors.ts';
import { sshPlaceOf } from '../../src/contract/git-names.ts';
import type { KnownSecrets } from '../known-secrets.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { log } from '../log.ts';
import type { WorkerClient } from '../worker-client.ts';
import { shellQuote } from './shell-quote.ts';
import { jsonAnswer, type SocketAccess, type Sockets, type ToolAnswer, type ToolRoutes } from './sockets.ts';
import type { SshKeys } from './ssh-keys.ts';

const HELPER = fileURLToPath(new URL('./git-credential.ts', import.meta.url));
const SSH = fileURLToPath(new URL('./git-ssh.ts', import.meta.url));

const NOTHING: ToolAnswer = { type: 'text/plain', text: '' };

/** Where a rig's repository is and whether Relight has a credential for it. */
export interface Remote {
  readonly gitUrl: string;
  readonly credential: boolean;
}

/** Settings of git by their keys (git-config(1)) that make it ask the control server; they hold no secret. */
export type CredentialSettings = Readonly<Record<string, string>>;

/** What the answers to git are made from. */
export interface CredentialParts {
  readonly worker: WorkerClient;
  readonly lifecycle: Lifecycle;
  readonly sockets: Sockets;
  readonly keys: SshKeys;
  readonly secrets: KnownSecrets;
}

/** Answers git's questions for credentials: asks the Worker each time, and notes passwords only to hide them in logs. */
export class Credentials {
  readonly #parts: CredentialParts;
  readonly #remotes = new Map<string, Remote>();
  /** Rigs whose last credential was refused: the next one has to be a fresh one. */
  readonly #refused = new Set<string>();

  constructor(parts: CredentialParts) {
    this.#parts = parts;
  }

  /** Takes over where the rig's repository is, from its newest restore request. */
  remember(rig: string, { gitUrl, credential }: Remote): void {
    this.#remotes.set(rig, { gitUrl, credential });
  }

  /** Whether Relight has a credential for the rig; false for a rig that was never restored here. */
  has(rig: string): boolean {
    return this.#remotes.get(rig)?.credential ?? false;
  }

  /** The rig's host refused the last credential. */
  refused(rig: string): void {
    this.#refused.add(rig);
  }

  /** Opens, unless it is open, the socket on which `owner` may use the ssh key of the rig; nothing where it has none. */
  async openKeySocket(owner: string, rig: string, access: SocketAccess): Promise<void> {
    const { sockets, keys } = this.#parts;
    if (!this.#usesSsh(rig) || sockets.isOpen(keyOwner(owner))) return;
    await sockets.openStream(keyOwner(owner), (connection) => void keys.serve(rig, connection), access);
  }

  /** Closes what {@link openKeySocket} opened. */
  async closeKeySocket(owner: string): Promise<void> {
    await this.#parts.sockets.close(keyOwner(owner));
  }

  /** What git has to be told to ask on the sockets of `owner`; ssh keeps the keys of unknown hosts in `knownHostsFile`. */
  settings(owner: string, rig: string, knownHostsFile: string): CredentialSettings {
    const { sockets } = this.#parts;
    const socket = sockets.pathOf(owner);
    const helper = { 'credential.helper': `!${command(HELPER, socket)}` };
    if (!this.#usesSsh(rig)) return helper;
    const ssh = command(SSH, socket, sockets.pathOf(keyOwner(owner)), knownHostsFile);
    return { ...helper, 'core.sshCommand': ssh, 'ssh.variant': 'ssh' };
  }

  /** What git's helper and its ssh find on a socket. */
  routes(rig: string): ToolRoutes {
    return {
      '/credential': async (question) => await this.#password(rig, question),
      '/credential-refused': async () => {
        this.refused(rig);
        return await Promise.resolve(NOTHING);
      },
      '/ssh': async (question) => await this.#sshKey(rig, question),
    };
  }

  /** Answers one `get` (git-credential(1)). Empty for every host but the rig's own. */
  async #password(rig: string, question: string): Promise<ToolAnswer> {
    if (!this.#isOwn(rig, (gitUrl) => asksForPassword(question, gitUrl))) return NOTHING;
    const credential = await this.#ask(rig);
    if (!('password' in credential)) {
      throw new RelightError(
        'unusable_credential',
        'the git URL is no ssh URL, and its credential is an ssh key',
      );
    }
    const { username, password } = credential;
    if (/[\0\r\n]/.test(username + password)) {
      throw new RelightError(
        'unusable_credential',
        'the token has a line break in it, git cannot be told it',
      );
    }
    this.#parts.secrets.add([password]);
    return { type: 'text/plain', text: `username=${username}\npassword=${password}\n` };
  }

  /** Makes the rig's key usable on its key sockets, and says what its host is known by. Empty for every other host. */
  async #sshKey(rig: string, question: string): Promise<ToolAnswer> {
    if (!this.#isOwn(rig, (gitUrl) => asksForKey(question, gitUrl))) return NOTHING;
    const credential = await this.#ask(rig);
    if (!('privateKey' in credential)) {
      throw new RelightError(
        'unusable_credential',
        'the git URL is an ssh URL, and its credential is no ssh key',
      );
    }
    await this.#parts.keys.hold(rig, credential.privateKey);
    return jsonAnswer({ knownHosts: credential.knownHosts });
  }

  #isOwn(rig: string, asksFor: (gitUrl: string) => boolean): boolean {
    const remote = this.#remotes.get(rig);
    if (remote?.credential === true && asksFor(remote.gitUrl)) return true;
    log.info('git.credential-not-for-this-host', { rig });
    return false;
  }

  async #ask(rig: string): Promise<Credential> {
    const { worker, lifecycle } = this.#parts;
    const message = { life: lifecycle.life, rig, fresh: this.#refused.has(rig) };
    const credential = await worker.call(CALLBACKS.credential, message);
    this.#refused.delete(rig);
    return credential;
  }

  #usesSsh(rig: string): boolean {
    const remote = this.#remotes.get(rig);
    return remote?.credential === true && sshPlaceOf(remote.gitUrl) !== null;
  }
}

function command(...words: string[]): string {
  return [process.execPath, ...words].map(shellQuote).join(' ');
}

function keyOwner(owner: string): string {
  return `key:${owner}`;
}

function asksForPassword(question: string, gitUrl: string): boolean {
  if (!/^https?:/.test(gitUrl)) return false;
  const { protocol, host } = new URL(gitUrl);
  const asked = linesOf(question);
  const scheme = asked.get('protocol') ?? '';
  if (`${scheme}:` !== protocol || !URL.canParse(`${scheme}://${asked.get('host') ?? ''}`)) return false;
  // Through URL, so that a default port and the letter case make no difference.
  return new URL(`${scheme}://${asked.get('host') ?? ''}`).host === host;
}

function asksForKey(question: string, gitUrl: string): boolean {
  const own = sshPlaceOf(gitUrl);
  const asked = linesOf(question);
  return own !== null && asked.get('host') === own.host && asked.get('port') === String(own.port);
}

function linesOf(question: string): Map<string, string> {
  return new Map(question.split('\n').map((line) => splitAtEquals(line)));
}

function splitAtEquals(line: string): [string, string] {
  const at = line.indexOf('=');
  return at === -1 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}
