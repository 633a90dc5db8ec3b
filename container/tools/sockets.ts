import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { chmod, chown, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createStreamServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { RelightError } from '../../src/contract/errors.ts';
import type { Owner } from '../files/owner.ts';
import { PROBLEM_TYPE, problemFrom } from '../problem.ts';

/** The longest path of a unix socket, in bytes, on every system (macOS: 104 with the final zero). */
const SOCKET_PATH_MAX_BYTES = 103;
const SOCKET_NAME_BYTES = '/0123456789ab.sock'.length;
/** Above it a body is read to its end, so that the caller hears the answer, but not kept. */
const BODY_MAX_BYTES = 1024 * 1024;

/** What a socket answers: text of this media type. */
export interface ToolAnswer {
  readonly type: 'application/json' | 'text/plain';
  readonly text: string;
}

/** The calls that one socket serves, by path. */
export type ToolRoutes = Readonly<Record<string, (body: string) => Promise<ToolAnswer>>>;

/** A server that listens, and how its connections are cut off. */
interface Open {
  readonly server: Server;
  readonly cutOff: () => void;
}

/**
 * Who can open a socket, which takes the right to write to it (unix(7)): only `user`, or the user's group where it is
 * `shared`. Without a user it is this process's own.
 */
export interface SocketAccess {
  readonly user?: Owner | null;
  readonly shared?: boolean;
}

/** The folder of unix sockets over which the container's programs speak to the control server. */
export class Sockets {
  readonly #dir: string;
  readonly #open = new Map<string, Open>();

  /** `name` makes the folder unique where the workspace's path is too long for a socket in it. */
  constructor(workspace: string, name: string, separateUsers = false) {
    const inWorkspace = join(workspace, 'run');
    const fits = Buffer.byteLength(inWorkspace) + SOCKET_NAME_BYTES <= SOCKET_PATH_MAX_BYTES;
    this.#dir = fits ? inWorkspace : `/tmp/gt-${name.slice(0, 12)}`;
    mkdirSync(this.#dir, { recursive: true });
    // Each socket is for one user; the folder is passed through, and its names are nobody's business.
    chmodSync(this.#dir, separateUsers ? 0o711 : 0o700);
  }

  /** The socket's path, known before it is open. `owner` is who is on its other end. */
  pathOf(owner: string): string {
    const name = createHash('sha256').update(owner).digest('hex').slice(0, 12);
    return join(this.#dir, `${name}.sock`);
  }

  /** Serves `routes` to this owner until {@link close}; an owner's earlier socket is closed first. */
  async open(owner: string, routes: ToolRoutes, access: SocketAccess = {}): Promise<string> {
    const server = createServer((request, response) => void serve(routes, request, response));
    return await this.#listen(owner, { server, cutOff: () => server.closeAllConnections() }, access);
  }

  /** As {@link open}, for a protocol of its own: `serve` gets every connection. */
  async openStream(
    owner: string,
    serve: (connection: Socket) => void,
    access: SocketAccess = {},
  ): Promise<string> {
    const connections = new Set<Socket>();
    const server = createStreamServer((connection) => {
      connections.add(connection);
      connection.once('close', () => connections.delete(connection));
      serve(connection);
    });
    const cutOff = (): void => connections.forEach((connection) => connection.destroy());
    return await this.#listen(owner, { server, cutOff }, access);
  }

  async #listen(owner: string, open: Open, { user = null, shared = false }: SocketAccess): Promise<string> {
    await this.close(owner);
    const path = this.pathOf(owner);
    await rm(path, { force: true });
    this.#open.set(owner, open);
    const { server } = open;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    await chmod(path, 0o600);
    if (user !== null) await chown(path, user.uid, user.gid);
    if (user !== null && shared) await chmod(path, 0o660);
    return path;
  }

  /** Whether the owner's socket is open. */
  isOpen(owner: string): boolean {
    return this.#open.has(owner);
  }

  /** Closes an owner's socket and removes it; open calls are cut off. */
  async close(owner: string): Promise<void> {
    const open = this.#open.get(owner);
    if (open === undefined) return;
    this.#open.delete(owner);
    const closed = new Promise<void>((resolve) => open.server.close(() => resolve()));
    open.cutOff();
    await closed;
  }

  /** Closes and removes everything, at once. */
  removeAll(): void {
    for (const { server, cutOff } of this.#open.values()) {
      server.close();
      cutOff();
    }
    this.#open.clear();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** The answer of a tool as JSON. */
export function jsonAnswer(value: unknown): ToolAnswer {
  return { type: 'application/json', text: JSON.stringify(value) };
}

async function serve(routes: ToolRoutes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const body = await readBody(request);
    const route = routes[request.url ?? ''];
    if (route === undefined || request.method !== 'POST') {
      throw new RelightError(
        'not_found',
        `There is no tool at ${String(request.method)} ${String(request.url)}`,
      );
    }
    const { type, text } = await route(body);
    response.writeHead(200, { 'content-type': type }).end(text);
  } catch (error) {
    // The caller is gone: nobody is left to hear of it.
    if (request.destroyed && !request.complete) return;
    const problem = problemFrom(error);
    response.writeHead(problem.status, { 'content-type': PROBLEM_TYPE }).end(JSON.stringify(problem));
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size <= BODY_MAX_BYTES) chunks.push(bytes);
  }
  if (size > BODY_MAX_BYTES) {
    throw new RelightError(
      'too_large',
      `The body has ${String(size)} bytes, ${String(BODY_MAX_BYTES)} are read`,
    );
  }
  return new TextDecoder('utf-8', { fatal: false }).decode(Buffer.concat(chunks));
}
