import { execa, execaSync } from 'execa';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { hasCode } from './error-code.ts';
import type { ContainerInfo, ContainerLine, Engine } from './engine.ts';
import { killMarked } from './processes.ts';
import { startReaper } from './reaper-handle.ts';

/** wrangler's own variable for the CLI, and what of the environment says where Docker is and what it takes for a sidecar. */
const PROGRAM = process.env['WRANGLER_DOCKER_BIN'] ?? 'docker';
const PASSED_ON = /^(?:DOCKER_|WRANGLER_DOCKER_|MINIFLARE_CONTAINER_)/;
/** By this name workerd lets a container find its host, also where that is not the gateway (Docker Desktop). */
const HOST_NAME = 'host.docker.internal';

/** What a town on a real Docker engine is run with. */
export interface DockerOptions {
  /** The Worker's name, which begins the names of its containers: nobody else's containers are touched. */
  readonly worker: string;
  /** The Worker's port on the loopback, which containers are let in to. */
  readonly port: number;
  /** Marks the processes that end with this one, as those of the process engine do. */
  readonly rootDir: string;
  readonly log?: (line: ContainerLine) => void;
}

/** Why no Docker engine can be used here, as half a sentence; null where one can. */
export async function whyNoDocker(): Promise<string | null> {
  const {
    failed,
    stderr,
    shortMessage = 'docker info failed',
  } = await execa({ reject: false })(PROGRAM, ['info']);
  if (failed) return (stderr || shortMessage).trim().split('\n').at(-1) ?? '';
  if ((await gateway()) === '') return 'its bridge network names no gateway, start dockerd with --bip';
  return null;
}

/** Where containers find the servers of this machine: an address that both know, or Docker Desktop's name for it. */
export async function hostForContainers(): Promise<string> {
  const address = await gateway();
  // The list of interfaces has the bridge only while containers run.
  const probe = createServer().listen(0, address);
  try {
    await once(probe, 'listening');
    return address;
  } catch (error) {
    if (hasCode(error, 'EADDRNOTAVAIL')) return HOST_NAME;
    throw error;
  } finally {
    probe.close();
  }
}

/**
 * Watches over the containers that a Worker under `wrangler dev` runs in Docker, and lets them reach it. What a killed
 * launcher left running is removed first.
 */
export async function startDockerEngine({ worker, port, rootDir, log }: DockerOptions): Promise<Engine> {
  const prefix = `workerd-${worker}-`;
  removeContainers(prefix);
  await killMarked(`${rootDir}/`);
  const host = await hostForContainers();
  const inlet = host === HOST_NAME ? null : await openInlet(host, port);
  const reaper = await startReaper(rootDir, `${rootDir}.sock`);
  const following = new AbortController();
  if (log !== undefined) void followLines(prefix, log, following.signal);
  let closing: Promise<void> | null = null;
  const shutDown = async (): Promise<void> => {
    following.abort();
    inlet?.close();
    removeContainers(prefix);
    await reaper.finish();
  };
  return {
    containers: () => inspect(list(prefix)),
    kill: (idOrName, signal) => void execaSync(PROGRAM, ['kill', '--signal', signal, idOrName]),
    close: () => (closing ??= shutDown()),
    wranglerEnv: Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) =>
        PASSED_ON.test(name) && value !== undefined ? [[name, value] as const] : [],
      ),
    ),
  };
}

/** The ids of the containers with this beginning of a name, network sidecars included, running or not. */
function list(prefix: string): string[] {
  return linesOf(execaSync(PROGRAM, ['ps', '--all', '--quiet', '--filter', `name=^/${prefix}`]).stdout);
}

function inspect(ids: readonly string[]): ContainerInfo[] {
  if (ids.length === 0) return [];
  const format = '{{.Id}} {{.Name}} {{.State.Running}} {{.State.Pid}}';
  // One that is removed meanwhile is left out of the answer, and makes it a failure.
  const { stdout } = execaSync({ reject: false })(PROGRAM, ['inspect', '--format', format, ...ids]);
  return linesOf(stdout).flatMap((line) => {
    const [id = '', path = '', state, pid] = line.split(' ');
    const name = path.replace(/^\//, '');
    const running = state === 'true';
    return isSidecar(name) ? [] : [{ id, name, running, pid: running ? Number(pid) : null, dir: null }];
  });
}

function removeContainers(prefix: string): void {
  const ids = list(prefix);
  // One that goes by itself meanwhile is no failure: --force.
  if (ids.length > 0) execaSync(PROGRAM, ['rm', '--force', '--volumes', ...ids]);
}

/** The gateway of the network that containers are in by default; empty where Docker names none. */
async function gateway(): Promise<string> {
  const format = '{{range .IPAM.Config}}{{.Gateway}} {{end}}';
  const { stdout } = await execa(PROGRAM, ['network', 'inspect', 'bridge', '--format', format]);
  return stdout.trim().split(' ')[0] ?? '';
}

/** Leads connections to the gateway's address on to the loopback, where the Worker listens, and nobody else's. */
async function openInlet(host: string, port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const worker = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    void Promise.allSettled([pipeline(socket, worker), pipeline(worker, socket)]);
  });
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

/** Hands on what the containers print, each from its start, until the signal. */
async function followLines(
  prefix: string,
  log: (line: ContainerLine) => void,
  cancelSignal: AbortSignal,
): Promise<void> {
  const run = execa({ cancelSignal, reject: false, buffer: false, stdin: 'ignore' });
  const format = '{{.Actor.Attributes.name}}';
  const filters = ['--filter', 'type=container', '--filter', 'event=start'];
  const events = run(PROGRAM, ['events', ...filters, '--format', format]);
  for await (const container of createInterface({ input: events.stdout })) {
    if (!container.startsWith(prefix) || isSidecar(container)) continue;
    const logs = run(PROGRAM, ['logs', '--follow', container]);
    for (const stream of ['stdout', 'stderr'] as const)
      createInterface({ input: logs[stream] }).on('line', (line) => log({ container, stream, line }));
  }
}

function isSidecar(name: string): boolean {
  return name.endsWith('-proxy');
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
