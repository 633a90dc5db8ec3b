import { once } from 'node:events';
import { mkdir, realpath } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { concerns, type Fault, HANG_LIMIT_MS } from './fault.ts';
import { type GitRequest, parseGitRequest } from './git-request.ts';
import { findHttpBackend, runHttpBackend } from './http-backend.ts';

/** Where the repositories lie and who may reach them. */
export interface GitServerOptions {
  /** The directory with the bare repositories, `<name>.git`; made when it is not there. */
  rootDir: string;
  /** The address to listen on, and the URL's host. Default: the loopback. */
  host?: string;
  /** Default: any free port. */
  port?: number;
  /** Whether a user may reach a repository (HTTP Basic authentication). Default: nobody is asked. */
  auth?: (repo: string, user: string, password: string) => boolean;
}

/** A running git server. */
export interface GitServer {
  /** `http://<host>:<port>`; repositories are at `<url>/<name>.git`. */
  readonly url: string;
  readonly rootDir: string;
  /** Every request of the git protocol in the order of arrival, with those that a fault or a missing login met. */
  readonly requests: readonly GitRequest[];
  /** Lets a repository misbehave, or with null behave again. Requests that hang already go on hanging. */
  setFault(repo: string, fault: Fault | null): void;
  /** Ends every request and stops listening. The repositories stay. */
  close(): Promise<void>;
}

/** Serves bare repositories over git's smart HTTP protocol, for fetching and pushing. */
export async function startGitServer(options: GitServerOptions): Promise<GitServer> {
  const { host = '127.0.0.1' } = options;
  await mkdir(options.rootDir, { recursive: true });
  const rootDir = await realpath(options.rootDir);
  const program = await findHttpBackend();
  const faults = new Map<string, Fault>();
  const requests: GitRequest[] = [];

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://git-server');
    const asked = parseGitRequest(request.method ?? '', url);
    if (!asked) return refuse(response, 404);
    requests.push({ ...asked, at: Date.now() });
    const login = basicLogin(request.headers.authorization);
    if (options.auth && !(login && options.auth(asked.repo, login.user, login.password)))
      return refuse(response, 401);
    const fault = faults.get(asked.repo);
    const active = fault && concerns(fault, asked) ? fault : null;
    if (active && 'status' in active) return refuse(response, active.status, active.headers);
    if (active && 'reset' in active) return void response.destroy();
    if (active && 'page' in active) return void response.end(active.page);
    if (active && 'hang' in active) return hang(response, active.limitMs ?? HANG_LIMIT_MS);
    if (active && 'slowMs' in active) await delay(active.slowMs);
    const cutAfterBytes = active && 'cutAfterBytes' in active ? active.cutAfterBytes : null;
    const user = login?.user ?? null;
    await runHttpBackend(program, { rootDir, url, user, cutAfterBytes }, request, response);
  };
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { 'Content-Type': 'text/plain' }).end(`${String(error)}\n`);
    });
  });
  server.listen(options.port ?? 0, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the git server has no port');

  return {
    url: `http://${host}:${String(address.port)}`,
    rootDir,
    requests,
    setFault: (repo, fault) => {
      if (fault) faults.set(repo, fault);
      else faults.delete(repo);
    },
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Answers without git. The rest of the request is read and dropped, so that the client gets to see the answer. */
function refuse(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.req.resume();
  if (status === 401) response.setHeader('WWW-Authenticate', 'Basic realm="git", charset="UTF-8"');
  response.writeHead(status, { 'Content-Type': 'text/plain', ...headers }).end(`${String(status)}\n`);
}

function hang(response: ServerResponse, limitMs: number): void {
  const limit = setTimeout(() => response.destroy(), limitMs);
  response.once('close', () => clearTimeout(limit));
}

/** Reads HTTP Basic credentials (RFC 7617); null when there are none. */
function basicLogin(header: string | undefined): { user: string; password: string } | null {
  const [, encoded] = /^basic (\S+)$/i.exec(header ?? '') ?? [];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
