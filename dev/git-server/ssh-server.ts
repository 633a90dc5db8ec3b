import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type AuthContext, type Connection, type ServerChannel } from 'ssh2';
import { gitEnv } from './git-command.ts';
import type { GitService } from './git-request.ts';
import { isRepositoryName, repositoryPath } from './repository.ts';

/** Where the repositories lie, and whose keys open them. */
export interface SshGitServerOptions {
  /** The directory with the bare repositories, `<name>.git`; made when it is not there. */
  readonly rootDir: string;
  /** Default: any free port of the loopback. */
  readonly port?: number;
  /** Whether the owner of this public key (`<type> <base64>`, as in a `.pub` file) may log in. */
  readonly allows: (publicKey: string) => boolean;
}

/** A key pair: the private key as ssh-keygen(1) writes it, the public one as `<type> <base64>`. */
export interface SshKeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** One command that a client was let in with. */
export interface SshGitRequest {
  readonly publicKey: string;
  readonly repo: string;
  readonly service: GitService;
}

/** A running git server that speaks ssh. */
export interface SshGitServer {
  readonly port: number;
  readonly rootDir: string;
  /** `ssh://git@127.0.0.1:<port>`; repositories are at `<url>/<name>.git`. */
  readonly url: string;
  /** The server's line of known_hosts. */
  readonly knownHosts: string;
  readonly requests: readonly SshGitRequest[];
  /** Ends every connection and stops listening. The repositories stay. */
  close(): Promise<void>;
}

/** Makes a new key pair. ssh-keygen does: of ssh2's own, one in some 170 is cut short and cannot be read. */
export function makeSshKey(): SshKeyPair {
  const dir = mkdtempSync(join(tmpdir(), 'relight-key-'));
  try {
    const file = join(dir, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file]);
    const publicKey = readFileSync(`${file}.pub`, 'utf8').trim();
    return { privateKey: readFileSync(file, 'utf8'), publicKey };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/**
 * Serves bare repositories over ssh, for fetching and pushing, on the loopback, to whoever has one of the right keys. Each
 * server has a new key of its own.
 */
export async function startSshGitServer(options: SshGitServerOptions): Promise<SshGitServer> {
  await mkdir(options.rootDir, { recursive: true });
  const rootDir = await realpath(options.rootDir);
  const requests: SshGitRequest[] = [];
  const connections = new Set<Connection>();

  const hostKey = makeSshKey();
  const server = new ssh2.Server({ hostKeys: [hostKey.privateKey] }, (client) => {
    let publicKey = '';
    connections.add(client);
    client.once('close', () => connections.delete(client));
    // A client that hangs up in the middle of something.
    client.on('error', () => client.end());
    client.on('authentication', (context) => {
      publicKey = keyOf(context);
      if (publicKey !== '' && options.allows(publicKey)) context.accept();
      else context.reject(['publickey']);
    });
    client.on('session', (accept) => {
      accept().on('exec', (acceptCommand, refuse, { command }) => {
        const asked = parseCommand(command);
        if (asked === null) return refuse();
        requests.push({ publicKey, ...asked });
        serve(acceptCommand(), asked.service, repositoryPath(rootDir, asked.repo));
      });
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the git server has no port');
  const { port } = address;

  return {
    port,
    rootDir,
    url: `ssh://git@127.0.0.1:${String(port)}`,
    knownHosts: `[127.0.0.1]:${String(port)} ${hostKey.publicKey}\n`,
    requests,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const client of connections) client.end();
      await closed;
    },
  };
}

/** The public key that a client has proven to own, or asks about; empty for every other way to log in. */
function keyOf(context: AuthContext): string {
  if (context.method !== 'publickey') return '';
  const { key, signature, blob, hashAlgo } = context;
  const text = `${key.algo} ${key.data.toString('base64')}`;
  if (signature === undefined) return text;
  const parsed = ssh2.utils.parseKey(text);
  if (parsed instanceof Error || blob === undefined) return '';
  // An error, which is no proof, is not thrown but returned.
  const proof: unknown = parsed.verify(blob, signature, hashAlgo);
  return proof === true ? text : '';
}

function parseCommand(command: string): { service: GitService; repo: string } | null {
  const [, service, repo = ''] = /^(git-(?:upload|receive)-pack) '\/?(.+)\.git'$/.exec(command) ?? [];
  if (!isRepositoryName(repo)) return null;
  return service === 'git-upload-pack' || service === 'git-receive-pack' ? { service, repo } : null;
}

function serve(channel: ServerChannel, service: GitService, repository: string): void {
  const child = spawn(service, [repository], { env: gitEnv() });
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.stdin.on('error', () => channel.unpipe(child.stdin).resume());
  channel.once('close', () => child.kill('SIGKILL'));
  child.once('close', (code) => {
    channel.exit(code ?? 1);
    channel.end();
  });
}
