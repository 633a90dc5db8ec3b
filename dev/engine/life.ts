import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { removeTree } from './disk.ts';
import { claimPort, releasePort } from './ports.ts';
import { killMarked, MARK, sendSignal } from './processes.ts';
import type { Reaper } from './reaper-handle.ts';

const LAST_LINES_MS = 1_000;
const PASSED_THROUGH = ['PATH', 'LANG', 'LC_ALL', 'TZ', 'USER', 'LOGNAME', 'SHELL'];

/** What to run in the place of an image. */
export interface Command {
  file: string;
  args: string[];
  /** Default: the container's own directory. */
  cwd?: string;
  /** What the image would set; the container's own variables win. */
  env?: Record<string, string>;
}

/** One line of a container's output; `engine` lines are the engine's own remarks about it. */
export type LineListener = (stream: 'stdout' | 'stderr' | 'engine', line: string) => void;

/** What a container's process is started with. */
export interface LifeOptions {
  /** The container's name, of which only one life is there at a time. */
  name: string;
  rootDir: string;
  reaper: Reaper;
  command: Command;
  env: Readonly<Record<string, string>>;
  onLine: LineListener;
}

/** One run of a container's main process, from its start until nothing of it is left. */
export interface Life {
  readonly pid: number;
  /** Its throw-away disk. */
  readonly dir: string;
  /** The loopback port that stands for each of the container's ports. */
  readonly port: number;
  /** The exit code, 128 + n after signal n: given once all its processes are dead and `dir` is removed. Never rejects. */
  readonly ended: Promise<number>;
  /** SIGKILL ends every process, any other signal goes to the main process only, as it does in a PID namespace. */
  signal(signal: NodeJS.Signals): void;
}

/**
 * Starts a program in a fresh directory with an environment of its own. When its main process ends, every other process
 * of the container is killed, as the kernel does when PID 1 of a PID namespace dies.
 *
 * Throws when the program cannot be started; nothing is left behind then.
 */
export async function startLife(options: LifeOptions): Promise<Life> {
  const dir = join(options.rootDir, directoryName(options.name));
  const port = await claimPort();
  try {
    await removeTree(dir);
    for (const name of ['home', 'tmp', 'workspace']) await mkdir(join(dir, name), { recursive: true });
    const child = spawn(options.command.file, options.command.args, {
      cwd: options.command.cwd ?? dir,
      env: lifeEnv(dir, port, { ...options.command.env, ...options.env }),
      // A session and process group of its own.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = exitCode(child);
    const output = Promise.all([
      forward(child.stdout, (line) => options.onLine('stdout', line)),
      forward(child.stderr, (line) => options.onLine('stderr', line)),
    ]);
    await once(child, 'spawn');
    const pid = child.pid;
    if (pid === undefined) throw new Error(`${options.command.file} was started without a process id`);
    options.reaper.watch(pid);
    const ended = exited.then(async (code) => {
      await endRest(pid, dir, options.onLine);
      await Promise.race([output, delay(LAST_LINES_MS, undefined, { ref: false })]);
      options.reaper.forget(pid);
      releasePort(port);
      return code;
    });
    return { pid, dir, port, ended, signal: (signal) => void child.kill(signal) };
  } catch (error) {
    releasePort(port);
    await removeTree(dir);
    throw error;
  }
}

/**
 * The same for each life of a container, as paths in an image are: tools know their sessions and caches by them. But not
 * where processes of an earlier life cannot all be found and killed, for they would find their old paths again.
 */
function directoryName(name: string): string {
  const same = process.platform === 'linux';
  return (same ? createHash('sha256').update(name).digest() : randomBytes(32)).toString('hex', 0, 4);
}

/** Kills what is left of a container whose main process is gone, and removes its disk. */
async function endRest(pid: number, dir: string, onLine: LineListener): Promise<void> {
  try {
    sendSignal(-pid, 'SIGKILL');
    const left = await killMarked(dir);
    if (left.length > 0) onLine('engine', `could not kill ${left.join(', ')}`);
    await removeTree(dir);
  } catch (error) {
    // The exit must be reported in any case: workerd waits for it.
    onLine('engine', `could not clean up ${dir}: ${String(error)}`);
  }
}

function lifeEnv(dir: string, port: number, own: Readonly<Record<string, string>>): Record<string, string> {
  const inherited = PASSED_THROUGH.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(inherited),
    ...own,
    HOME: join(dir, 'home'),
    TMPDIR: join(dir, 'tmp'),
    WORKSPACE: join(dir, 'workspace'),
    PORT: String(port),
    HOST: '127.0.0.1',
    [MARK]: dir,
  };
}

async function exitCode(child: ChildProcess): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  child.once('exit', (code, signal) => {
    resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
  });
  return promise;
}

async function forward(stream: Readable, onLine: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream })) onLine(line);
}
