import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ByteLimit } from './fault.ts';
import { git, gitEnv } from './git-command.ts';

const HEAD_LIMIT_BYTES = 64 * 1024;

/** What a run of git's CGI program needs to know besides the request itself. */
export interface BackendRequest {
  rootDir: string;
  url: URL;
  /** The user that was let in, if the server asks for one. */
  user: string | null;
  /** Cut the connection after so many bytes of the body; null for never. */
  cutAfterBytes: number | null;
}

/** Finds `git http-backend`, which distributions put beside git's other programs. */
export async function findHttpBackend(): Promise<string> {
  return join(await git(['--exec-path']), 'git-http-backend');
}

/**
 * Serves one request by git's own CGI program (git-http-backend(1), RFC 3875): protocol versions, gzip-encoded bodies
 * and all checks are git's. Settles once the answer is out or cannot be given any more.
 */
export async function runHttpBackend(
  program: string,
  backend: BackendRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const child = spawn(program, [], { env: cgiEnv(backend, request), stdio: ['pipe', 'pipe', 'ignore'] });
  // upload-pack and receive-pack end by themselves when the program that feeds them is gone.
  response.once('close', () => child.kill('SIGKILL'));
  // Piped by hand: git may answer before it has read all, and the answer must get out in that case too.
  child.stdin.on('error', () => request.unpipe(child.stdin).resume());
  request.pipe(child.stdin);
  await answer(child, backend, response);
}

async function answer(
  child: ChildProcessByStdio<Writable, Readable, null>,
  backend: BackendRequest,
  response: ServerResponse,
): Promise<void> {
  const failed = once(child, 'error').then(([error]: unknown[]) => Promise.reject(error));
  const head = await Promise.race([readHead(child.stdout), failed]);
  if (head === null) {
    response.writeHead(500, { 'Content-Type': 'text/plain' }).end('git http-backend gave no answer\n');
    return;
  }
  response.writeHead(head.status, head.headers);
  if (backend.cutAfterBytes === null) {
    await Promise.allSettled([pipeline(child.stdout, response)]);
    return;
  }
  const limited = child.stdout.pipe(new ByteLimit(backend.cutAfterBytes));
  for await (const bytes of limited) response.write(bytes);
  // Only now, so that a push has done its work when its answer is lost.
  response.flushHeaders();
  setImmediate(() => response.destroy());
}

function cgiEnv(backend: BackendRequest, request: IncomingMessage): Record<string, string> {
  const { headers } = request;
  const optional: [string, string | undefined | null][] = [
    ['CONTENT_TYPE', headers['content-type']],
    ['CONTENT_LENGTH', headers['content-length']],
    ['HTTP_CONTENT_ENCODING', headers['content-encoding']],
    ['GIT_PROTOCOL', textOf(headers, 'git-protocol')],
    ['REMOTE_USER', backend.user],
  ];
  return {
    ...gitEnv(),
    GIT_PROJECT_ROOT: backend.rootDir,
    GIT_HTTP_EXPORT_ALL: '1',
    GATEWAY_INTERFACE: 'CGI/1.1',
    REQUEST_METHOD: request.method ?? 'GET',
    PATH_INFO: backend.url.pathname,
    QUERY_STRING: backend.url.search.slice(1),
    REMOTE_ADDR: request.socket.remoteAddress ?? '',
    ...Object.fromEntries(optional.filter(([, value]) => typeof value === 'string')),
  };
}

function textOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Reads a CGI answer's head and leaves the stream at its body; null when the program ended without a whole head. */
async function readHead(stdout: Readable): Promise<{ status: number; headers: [string, string][] } | null> {
  let text = Buffer.alloc(0);
  for (;;) {
    const bytes: unknown = stdout.read();
    if (!(bytes instanceof Buffer)) {
      if (stdout.readableEnded || stdout.destroyed) return null;
      await Promise.race([once(stdout, 'readable'), once(stdout, 'end')]);
      continue;
    }
    text = Buffer.concat([text, bytes]);
    const end = text.indexOf('\r\n\r\n');
    if (end < 0 && text.length > HEAD_LIMIT_BYTES) return null;
    if (end < 0) continue;
    stdout.unshift(text.subarray(end + 4));
    const headers = text
      .toString('latin1', 0, end)
      .split('\r\n')
      .map((line): [string, string] => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1).trim()];
      });
    const status = headers.find(([name]) => name.toLowerCase() === 'status')?.[1] ?? '200';
    return {
      status: Number.parseInt(status, 10),
      headers: headers.filter(([name]) => name.toLowerCase() !== 'status'),
    };
  }
}
