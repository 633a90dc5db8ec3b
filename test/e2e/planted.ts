import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { execa } from 'execa';
import { makeSshKey } from '../../dev/git-server/ssh-server.ts';

/** A name that is unlike anything else. Put together at run time, so that no file of the repository contains it. */
function marked(name: string): string {
  return ['planted', name, '5f0c1e7a'].join('-');
}

/** One secret of each kind, in the form in which an operator gives it. */
export interface Planted {
  readonly token: string;
  readonly appToken: string;
  readonly appKey: string;
  readonly sshKey: { readonly privateKey: string; readonly publicKey: string };
  readonly apiKey: string;
  /** Pieces of the secrets of which none may be found anywhere; without `apiKey`, which has its place. */
  readonly pieces: readonly string[];
}

/** Makes one secret of each kind. */
export function plant(): Planted {
  const [token, appToken, apiKey] = ['token', 'app-token', 'api-key'].map(marked) as [string, string, string];
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const appKeys = (['pkcs1', 'pkcs8'] as const).map((type) =>
    privateKey.export({ type, format: 'pem' }).toString(),
  );
  const sshKey = makeSshKey();
  // A line in the middle is a secret in itself, whatever became of the line breaks.
  const lines = [...appKeys, sshKey.privateKey].map((pem) => pem.split('\n')[2] ?? '');
  const logins = [token, appToken].map((secret) =>
    Buffer.from(`x-access-token:${secret}`).toString('base64'),
  );
  const pieces = [token, appToken, ...lines, ...logins];
  if (pieces.some((piece) => piece.length < 16))
    throw new Error('a piece is too short to be told from others');
  return { token, appToken, appKey: appKeys[0] ?? '', sshKey, apiKey, pieces };
}

/** Stands in for GitHub: gives every App `token`. */
export async function startGitHub(token: string): Promise<{ url: string; close(): void }> {
  const server = createServer((_request, response) => {
    const expires_at = new Date(Date.now() + 3_600_000).toISOString();
    const answer = { token, expires_at, permissions: { contents: 'write' }, repository_selection: 'all' };
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${String(address.port)}`, close };
}

/** The files below `dirs` that contain one of the texts, binary ones too. */
export async function filesWith(texts: readonly string[], ...dirs: string[]): Promise<string[]> {
  const patterns = texts.flatMap((text) => ['-e', text]);
  const { stdout, stderr, exitCode } = await execa({ reject: false })`grep -rlaF ${patterns} ${dirs}`;
  // 2 is also said of a file that vanished meanwhile.
  const failures = stderr.split('\n').filter((line) => line !== '' && !line.includes('No such file'));
  if (exitCode === undefined || failures.length > 0) throw new Error(`grep failed: ${failures.join('; ')}`);
  return stdout === '' ? [] : stdout.split('\n');
}

/** What a process shows of itself in /proc: its arguments and its environment (proc(5)). */
export interface Shown {
  readonly args: string;
  readonly environment: string;
}

/** All processes of the container with this disk: those that carry its mark, and what they started. */
export function processesOf(disk: string): Shown[] {
  const pids = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  const stats = pids.map((pid) => [pid, readProc(pid, 'stat')] as const);
  // The name before the bracket may hold anything; the parent is the second field after it.
  const parents = new Map(stats.map(([pid, stat]) => [pid, Number(stat.split(') ').at(-1)?.split(' ')[1])]));
  const belongs = (pid: number): boolean =>
    readProc(pid, 'environ').split('\0').includes(`RELIGHT_CONTAINER=${disk}`) ||
    (parents.has(pid) && belongs(parents.get(pid) ?? 0));
  return pids
    .filter((pid) => belongs(pid))
    .map((pid) => ({ args: readProc(pid, 'cmdline'), environment: readProc(pid, 'environ') }));
}

/** Empty where the process is gone or is not ours to look at. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${String(pid)}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
