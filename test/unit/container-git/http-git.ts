import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';

const BACKEND = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend');

/** How the server treats one repository: git as it is, only with a login, a page that is not git, silence, a status. */
export type Manner = 'git' | 'login' | 'page' | 'silence' | 401 | 403 | 404 | 429 | 500 | 503;

const LOGIN = `Basic ${Buffer.from('bot:s3cret').toString('base64')}`;

/** A git server on loopback for the bare repositories in one folder. */
export interface HttpGit {
  url(repo: string): string;
  /** The next requests for `repo` are answered like this; the login is `bot` with `s3cret`. */
  answer(repo: string, manner: Manner): void;
  /** Path and query of every request so far. */
  readonly requests: string[];
  close(): Promise<void>;
}

export async function serveGit(root: string): Promise<HttpGit> {
  const manners = new Map<string, Manner>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    requests.push(request.url ?? '');
    let manner = manners.get(url.pathname.split('/')[1] ?? '') ?? 'git';
    if (manner === 'login') manner = request.headers.authorization === LOGIN ? 'git' : 401;
    if (manner === 'silence') return;
    if (manner === 'page') response.end('<html><body>Welcome</body></html>');
    else if (manner === 'git') runBackend(root, url, request, response);
    else response.writeHead(manner, manner === 401 ? { 'www-authenticate': 'Basic realm="git"' } : {}).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    requests,
    url: (repo) => `http://127.0.0.1:${port}/${repo}`,
    answer: (repo, manner) => void manners.set(repo, manner),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** One request through `git http-backend`, which speaks CGI (https://git-scm.com/docs/git-http-backend). */
function runBackend(root: string, url: URL, request: IncomingMessage, response: ServerResponse): void {
  const env = {
    PATH: process.env['PATH'],
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    PATH_INFO: url.pathname,
    QUERY_STRING: url.search.slice(1),
    REQUEST_METHOD: request.method,
    REMOTE_USER: 'tester',
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
  };
  const backend = spawn(BACKEND, { env, stdio: ['pipe', 'pipe', 'ignore'] });
  request.pipe(backend.stdin);
  backend.stdin.on('error', () => request.resume());
  let head = Buffer.alloc(0);
  backend.stdout.on('data', (chunk: Buffer) => {
    if (response.headersSent) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    let status = 200;
    for (const line of head.subarray(0, end).toString().split('\r\n')) {
      const [name = '', value = ''] = line.split(/: (.*)/s);
      if (name === 'Status') status = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.writeHead(status).write(head.subarray(end + 4));
  });
  backend.stdout.on('end', () => response.end());
}
