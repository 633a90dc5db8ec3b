import { execa } from 'execa';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { COMPILE_CACHE } from './compile-cache.ts';
import { hostForContainers, startDockerEngine, whyNoDocker } from './engine/docker.ts';
import { startEngine } from './engine/engine.ts';
import type { ContainerLine, Engine, EngineOptions } from './engine/engine.ts';
import { wakeUnfinished } from './unfinished.ts';
import { writeWorkerConfig } from './worker-config.ts';
import { startWranglerDev } from './wrangler-dev.ts';
import type { WranglerDev } from './wrangler-dev.ts';

/** As in the image: the machine's memory is the agents'. */
const NODE_FLAGS = ['--max-semi-space-size=2', '--optimize-for-size'];
const MALLOC = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };
const CONTROL_SERVER = fileURLToPath(new URL('../container/main.ts', import.meta.url));

const READY_WITHIN_MS = 60_000;
/** The first start builds the image. */
const IMAGE_WITHIN_MS = 15 * 60_000;

/** A condition of the machine that the user can mend; its message is a whole sentence. */
export class SetupError extends Error {}

const EngineName = z.enum(['process', 'docker']).default('process');
/** `process` runs the control server as a child process, `docker` the real image in a Docker engine. */
type EngineName = z.infer<typeof EngineName>;

/** The engine that RELIGHT_ENGINE names. Throws SetupError for a name that is none. */
export function chosenEngine(): EngineName {
  const { data } = EngineName.safeParse(process.env.RELIGHT_ENGINE || undefined);
  if (data === undefined) throw new SetupError('RELIGHT_ENGINE is neither "process" nor "docker".');
  return data;
}

export interface RelightOptions {
  readonly port: number;
  /** Where the town's state is kept from one start to the next. */
  readonly stateDir: string;
  /** The operator token; without it the one of the last start, or a new one. */
  readonly adminToken?: string | undefined;
  /** Further secrets of the Worker: `GIT_CREDENTIAL_<NAME>`, `AGENT_SECRET_<NAME>`. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Variables of the Worker in the place of those in `wrangler.toml`. */
  readonly vars?: Readonly<Record<string, string>>;
  /** For tests that meddle: what to run for the control server, and what is put in front of its port. */
  readonly seams?: Partial<Pick<EngineOptions, 'command' | 'detour'>>;
  readonly onWorkerLine?: (line: string) => void;
  readonly onContainerLine?: (line: ContainerLine) => void;
}

/** Relight on this machine: Worker, Workflow and engine. */
export interface Relight {
  readonly url: string;
  /** The same Worker's URL in a container. */
  readonly urlForContainers: string;
  readonly token: string;
  readonly engine: Engine;
  /** The recoveries that a former start had left unfinished and that go on now. */
  readonly resumed: readonly string[];
  /** Settles when the Worker has ended, wanted or not. */
  readonly ended: Promise<void>;
  /** Ends workerd, by SIGKILL if wanted, and starts it again on the same state. The process engine's containers live on. */
  restartWorker(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  close(): Promise<void>;
}

/** Starts Relight with the engine that RELIGHT_ENGINE names. Throws SetupError when the machine is not ready for it, leaving nothing behind. */
export async function startRelight(options: RelightOptions): Promise<Relight> {
  const choice = chosenEngine();
  await requireGit();
  await requireFreePort(options.port);
  if (choice === 'docker') await requireDocker();
  const stateDir = resolve(options.stateDir);
  await mkdir(stateDir, { recursive: true });
  const own = await readSecrets(stateDir, options.adminToken);
  const secrets = { ...own, ...options.secrets };
  const name = `relight-${createHash('sha256').update(stateDir).digest('hex').slice(0, 8)}`;
  const rootDir = join(shortTmp(), name);
  const engine =
    choice === 'docker' ? await openDocker(name, rootDir, options) : await openEngine(rootDir, options);
  const url = `http://127.0.0.1:${options.port}`;
  const host = choice === 'docker' ? await hostForContainers() : '127.0.0.1';
  const urlForContainers = `http://${host}:${options.port}`;
  const config = await writeWorkerConfig(stateDir, {
    // A Docker engine is shared: this name is how this state's containers are told from others.
    ...(choice === 'docker' ? { name } : {}),
    // Nothing here is anybody else's to reach.
    vars: { RELIGHT_URL: urlForContainers, ALLOW_PRIVATE_GIT: 'true', ...options.vars },
    secretNames: Object.keys(secrets),
  });
  const runWorker = (): Promise<WranglerDev> =>
    startWranglerDev({
      port: options.port,
      config,
      persistTo: join(stateDir, 'worker'),
      readyWithinMs: choice === 'docker' ? IMAGE_WITHIN_MS : READY_WITHIN_MS,
      // Marked as one of the engine's, wrangler ends with it even if this process is killed.
      env: {
        ...secrets,
        ...options.secrets,
        ...engine.wranglerEnv,
        RELIGHT_CONTAINER: join(rootDir, 'wrangler'),
        NODE_COMPILE_CACHE: COMPILE_CACHE,
      },
      onLine: options.onWorkerLine ?? (() => undefined),
    });
  try {
    let worker = await runWorker();
    const resumed = await wakeUnfinished(url);
    const close = async (): Promise<void> => {
      await worker.close();
      await engine.close();
    };
    const restartWorker = async (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> => {
      await worker.close(signal);
      worker = await runWorker();
      await wakeUnfinished(url);
    };
    return {
      url,
      urlForContainers,
      token: own.RELIGHT_ADMIN_TOKEN,
      engine,
      resumed,
      ended: worker.ended,
      restartWorker,
      close,
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

function openDocker(
  worker: string,
  rootDir: string,
  { port, onContainerLine: log, seams }: Pick<RelightOptions, 'port' | 'onContainerLine' | 'seams'>,
): Promise<Engine> {
  if (seams !== undefined && Object.keys(seams).length > 0) throw new Error('a Docker engine has no seams');
  return startDockerEngine({ worker, port, rootDir, ...(log === undefined ? {} : { log }) });
}

function openEngine(
  rootDir: string,
  { onContainerLine: onLine, seams }: Pick<RelightOptions, 'onContainerLine' | 'seams'>,
): Promise<Engine> {
  return startEngine({
    socketPath: `${rootDir}.sock`,
    rootDir,
    command: () => ({
      file: process.execPath,
      args: [...NODE_FLAGS, CONTROL_SERVER],
      env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...MALLOC },
    }),
    ...(onLine === undefined ? {} : { log: onLine }),
    ...seams,
  });
}

const Secrets = z.object({ RELIGHT_ADMIN_TOKEN: z.string().min(1), CONTAINER_TOKEN_KEY: z.string().min(1) });

/** The secrets of this state directory: made once, readable by the owner alone, the same at each start. */
async function readSecrets(
  stateDir: string,
  adminToken: string | undefined,
): Promise<z.infer<typeof Secrets>> {
  const file = join(stateDir, 'secrets.json');
  const kept = existsSync(file) ? Secrets.parse(JSON.parse(await readFile(file, 'utf8'))) : null;
  const secrets = {
    RELIGHT_ADMIN_TOKEN: adminToken ?? kept?.RELIGHT_ADMIN_TOKEN ?? randomBytes(24).toString('base64url'),
    CONTAINER_TOKEN_KEY: kept?.CONTAINER_TOKEN_KEY ?? randomBytes(32).toString('base64url'),
  };
  await writeFile(file, JSON.stringify(secrets), { mode: 0o600 });
  return secrets;
}

async function requireGit(): Promise<void> {
  const { failed } = await execa({ reject: false })`git --version`;
  if (failed) throw new SetupError('Relight needs git, and there is none on the PATH.');
}

async function requireDocker(): Promise<void> {
  const reason = await whyNoDocker();
  if (reason !== null)
    throw new SetupError(`RELIGHT_ENGINE=docker needs a Docker engine, and none can be used: ${reason}`);
}

async function requireFreePort(port: number): Promise<void> {
  await new Promise<void>((done, fail) => {
    const probe = createServer();
    probe.once('error', () => fail(new SetupError(`Port ${port} is in use; set PORT to a free one.`)));
    probe.listen(port, '127.0.0.1', () => probe.close(() => done()));
  });
}

/** The secrets among the environment that `npm start` passes on to the Worker: git credentials and agents' secrets. */
export function passedSecrets(env: NodeJS.ProcessEnv): Record<string, string> {
  const entries = Object.entries(env).filter(
    ([name, value]) => /^(?:GIT_CREDENTIAL|AGENT_SECRET)_[A-Z0-9_]+$/.test(name) && value !== undefined,
  );
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']));
}

/** Sockets live below it, and their paths are limited to about 100 characters. */
function shortTmp(): string {
  return tmpdir().length <= 24 || !existsSync('/tmp') ? tmpdir() : '/tmp';
}
