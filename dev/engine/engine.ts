import { constants, access } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import { AppContainer, type ContainerSpec, type EngineContainer } from './container.ts';
import { claimRoot, emptyRoot, removeStaleSocket, removeTree } from './disk.ts';
import { DockerError } from './docker-error.ts';
import { Inventory } from './inventory.ts';
import type { Command } from './life.ts';
import { killMarked } from './processes.ts';
import { startReaper } from './reaper-handle.ts';
import { dockerApi } from './routes.ts';
import { SidecarContainer } from './sidecar.ts';
import type { Detour } from './tunnel.ts';

/** The image name by which workerd asks for a network sidecar under this engine. */
const SIDECAR_IMAGE = 'relight/process-engine-sidecar:1';
/** sockaddr_un holds 104 bytes on macOS and 108 on Linux, with the final zero. */
const SOCKET_PATH_LIMIT = 103;
const LAST_ANSWERS_MS = 1_000;

/** One line that a container printed, or a remark (`engine`) of the engine about it. */
export interface ContainerLine {
  /** The container's name. */
  container: string;
  stream: 'stdout' | 'stderr' | 'engine';
  line: string;
}

/** Where an engine listens and works, and what it runs. */
export interface EngineOptions {
  /** The unix socket of the Docker API, at most 103 bytes. */
  socketPath: string;
  /** The directory below which containers get their disks. It is emptied at start and removed at the end. Keep it short. */
  rootDir: string;
  /** What to run for an image with the environment asked for; null for an unknown image. */
  command: (image: string, env: Record<string, string>) => Command | null;
  log?: (line: ContainerLine) => void;
  /** Leads what workerd sends to a container's port to another port, where a test may meddle with it. */
  detour?: Detour | undefined;
}

/** An app container as the engine's owner sees it; sidecars are left out. */
export interface ContainerInfo {
  id: string;
  name: string;
  /** Null when it does not run. */
  pid: number | null;
  running: boolean;
  /** Its disk at the moment, null when it does not run. */
  dir: string | null;
}

/** A running process engine. */
export interface Engine {
  containers(): ContainerInfo[];
  /** Signals a container as `docker kill` does: SIGKILL ends all of it. Throws when it is not there or does not run. */
  kill(idOrName: string, signal: NodeJS.Signals): void;
  /** Ends every container, removes `rootDir` and the socket. May be called twice. */
  close(): Promise<void>;
  /** The environment variables that point wrangler at this engine. */
  wranglerEnv: Record<string, string>;
}

/**
 * Starts a server that speaks the part of the Docker Engine API which workerd uses, and runs each container as a child
 * process with a throw-away directory as its disk.
 *
 * Not there: isolation of any kind, image layers, volumes, `exec`, snapshots, the entry point of a `Container` class,
 * egress interception and `enableInternet: false`.
 *
 * Measured with wrangler 4.155: a container is named `workerd-<worker>-<class>-<Durable Object id>`, the same in every
 * session, so a wrangler that is started again adopts the containers of the former one. Where wrangler and Miniflare would
 * remove them when they stop, they find none: whoever owns the engine ends them by `close`.
 *
 * Throws when another engine uses `rootDir` or `socketPath`, and when `rootDir` holds what no engine put there.
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { socketPath } = options;
  if (Buffer.byteLength(socketPath) > SOCKET_PATH_LIMIT)
    throw new Error(`socket path too long: ${socketPath}`);
  const env = await wranglerEnv(socketPath);
  const rootDir = await claimRoot(options.rootDir, socketPath);
  await removeStaleSocket(socketPath);
  await killMarked(`${rootDir}/`);
  await emptyRoot(rootDir, socketPath);

  const inventory = new Inventory();
  const reaper = await startReaper(rootDir, socketPath);
  let closing: Promise<void> | null = null;
  const make = (spec: ContainerSpec): EngineContainer => {
    if (closing) throw new DockerError(409, 'the engine is closing');
    if (spec.image === SIDECAR_IMAGE)
      return new SidecarContainer(spec, () => appPortBehind(inventory, spec.name), options.detour);
    const command = options.command(spec.image, { ...spec.env });
    if (!command) throw new DockerError(404, `No such image: ${spec.image}`);
    const onLine = (stream: ContainerLine['stream'], line: string): void =>
      options.log?.({ container: spec.name, stream, line });
    return new AppContainer(spec, { rootDir, reaper, command, onLine });
  };
  const answer = getRequestListener(dockerApi({ inventory, make }).fetch);
  const server = createServer((request, response) => void answer(request, response));
  try {
    server.listen(socketPath);
    await once(server, 'listening');
  } catch (error) {
    await reaper.finish();
    throw error;
  }

  const shutDown = async (): Promise<void> => {
    try {
      await Promise.all(inventory.all().map((container) => inventory.remove(container)));
      await closeServer(server);
      await removeTree(rootDir);
    } finally {
      await reaper.finish();
    }
  };
  return {
    containers: () => apps(inventory).map(infoOf),
    kill: (idOrName, signal) => inventory.get(idOrName).kill(signal),
    close: () => (closing ??= shutDown()),
    wranglerEnv: env,
  };
}

/** Stops listening, and closes each connection once its last answer is out. */
async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const sweep = setInterval(() => server.closeIdleConnections(), 5);
  await Promise.race([closed, delay(LAST_ANSWERS_MS, undefined, { ref: false })]);
  clearInterval(sweep);
  server.closeAllConnections();
  await closed;
}

function apps(inventory: Inventory): AppContainer[] {
  return inventory.all().filter((container) => container instanceof AppContainer);
}

function infoOf({ id, spec, life }: AppContainer): ContainerInfo {
  return { id, name: spec.name, pid: life?.pid ?? null, running: life !== null, dir: life?.dir ?? null };
}

/** The port of the running app that shares the sidecar's network (`NetworkMode: container:<name or id>`). */
function appPortBehind(inventory: Inventory, sidecarName: string): number | null {
  const sidecar = inventory.find(sidecarName);
  const modes = new Set([`container:${sidecarName}`, `container:${sidecar?.id ?? sidecarName}`]);
  const app = apps(inventory).find(({ spec }) => modes.has(spec.networkMode));
  return app?.life?.port ?? null;
}

async function wranglerEnv(socketPath: string): Promise<Record<string, string>> {
  const standIn = fileURLToPath(new URL('docker-stand-in', import.meta.url));
  // A checkout from an archive may have lost the mode; wrangler would then only say that Docker is missing.
  await access(standIn, constants.X_OK);
  const host = `unix://${socketPath}`;
  return {
    DOCKER_HOST: host,
    WRANGLER_DOCKER_HOST: host,
    WRANGLER_DOCKER_BIN: standIn,
    MINIFLARE_CONTAINER_EGRESS_IMAGE: SIDECAR_IMAGE,
  };
}
