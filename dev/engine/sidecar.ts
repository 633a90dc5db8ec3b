import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  type ContainerSpec,
  type ContainerState,
  type EngineContainer,
  newContainerId,
} from './container.ts';
import { DockerError } from './docker-error.ts';
import { openTunnel } from './tunnel.ts';
import type { Detour } from './tunnel.ts';

/** The sidecar's control port inside its container, as workerd looks it up in the published ports. */
const CONTROL_PORT = '39001/tcp';

/**
 * The network sidecar that workerd puts beside each app container. Here it is a server on the loopback inside the
 * engine's process: `CONNECT` opens a tunnel to the app, `PUT /egress` and `GET /ca` are answered and otherwise without
 * effect, since a child process reaches the network by itself.
 */
export class SidecarContainer implements EngineContainer {
  readonly id = newContainerId();
  readonly createdAt = new Date();
  readonly spec: ContainerSpec;
  readonly #appPort: () => number | null;
  readonly #detour: Detour | undefined;
  readonly #connections = new Set<Duplex>();
  #server: Server | null = null;
  #exitCode: number | null = null;

  /** `appPort` gives the loopback port of the app at that moment, or null when it does not run. */
  constructor(spec: ContainerSpec, appPort: () => number | null, detour?: Detour) {
    this.spec = spec;
    this.#appPort = appPort;
    this.#detour = detour;
  }

  state(): ContainerState {
    const status = this.#server ? 'running' : this.#exitCode === null ? 'created' : 'exited';
    return { status, pid: this.#server ? process.pid : 0, exitCode: this.#exitCode ?? 0 };
  }

  ports(): Readonly<Record<string, number>> {
    const address = this.#server?.address() ?? null;
    return address === null || typeof address === 'string' ? {} : { [CONTROL_PORT]: address.port };
  }

  async start(): Promise<boolean> {
    if (this.#server) return false;
    const server = createServer((request, response) => {
      const known =
        (request.method === 'PUT' && request.url === '/egress') ||
        (request.method === 'GET' && request.url === '/ca');
      request.resume();
      response
        .writeHead(known ? 200 : 404, { 'Content-Type': 'text/plain' })
        .end(known ? 'ok\n' : 'not found\n');
    });
    server.on('connection', (socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
    });
    server.on('connect', (request, socket, head) => {
      const target = request.headers['x-dst-addr'];
      void openTunnel({ target, socket, head, appPort: this.#appPort, detour: this.#detour });
    });
    this.#server = server;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return true;
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#server) throw new DockerError(409, `container ${this.spec.name} is not running`);
    this.#server.close();
    for (const socket of this.#connections) socket.destroy();
    this.#server = null;
    this.#exitCode = signal === 'SIGKILL' ? 137 : 0;
  }

  async exit(): Promise<number> {
    if (this.#server) await once(this.#server, 'close');
    return this.#exitCode ?? 0;
  }

  async end(): Promise<void> {
    const exited = this.exit();
    if (this.#server) this.kill('SIGKILL');
    await exited;
  }
}
