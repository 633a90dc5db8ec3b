import { execa } from 'execa';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const WRANGLER = fileURLToPath(new URL('../node_modules/wrangler/bin/wrangler.js', import.meta.url));
const KEPT_LINES = 60;
const STOP_WITHIN_MS = 8_000;

/** How to run the Worker. */
export interface WranglerOptions {
  readonly port: number;
  /** The configuration file. */
  readonly config: string;
  /** Where Durable Objects and Workflows keep their state. */
  readonly persistTo: string;
  /** Environment on top of PATH and HOME: the engine's, and the secrets, which must not be seen in arguments. */
  readonly env: Readonly<Record<string, string>>;
  /** How long it may take until the Worker answers, in milliseconds. */
  readonly readyWithinMs: number;
  readonly onLine: (line: string) => void;
}

/** A running `wrangler dev`. */
export interface WranglerDev {
  readonly pid: number;
  /** Settles when wrangler has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Ends it by that signal, SIGTERM by default, and after 8 s by SIGKILL. */
  close(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** Runs the Worker under `wrangler dev` and waits until it answers. Throws an Error with wrangler's last words. */
export async function startWranglerDev({
  port,
  config,
  persistTo,
  env,
  readyWithinMs,
  onLine,
}: WranglerOptions): Promise<WranglerDev> {
  const url = `http://127.0.0.1:${port}`;
  const args = ['dev', '--local', '--config', config, '--ip', '127.0.0.1', '--port', String(port)];
  const more = ['--persist-to', persistTo, '--inspector-port', '0', '--show-interactive-dev-session=false'];
  const child = execa(process.execPath, [WRANGLER, ...args, ...more], {
    cwd: PROJECT,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR, ...OFFLINE, ...env },
    extendEnv: false,
    // Its own process group: Ctrl-C in the terminal reaches the launcher, which ends things in order.
    detached: true,
    stdin: 'ignore',
    buffer: false,
    reject: false,
  });
  const last: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    readLines(stream, (line) => {
      last.push(line);
      if (last.length > KEPT_LINES) last.shift();
      onLine(line);
    });
  }
  const pid = child.pid;
  if (pid === undefined) throw new Error('wrangler could not be started');
  let over = false;
  const ended = child.then(() => {
    over = true;
  });
  const close = async (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> => {
    signalGroup(pid, signal);
    const late = new AbortController();
    await Promise.race([ended, delay(STOP_WITHIN_MS, undefined, { signal: late.signal }).catch(ignoreAbort)]);
    late.abort();
    signalGroup(pid, 'SIGKILL');
    await ended;
  };
  const deadline = Date.now() + readyWithinMs;
  while (!(await answers(`${url}/healthz`))) {
    if (over || Date.now() > deadline) {
      await close();
      throw new Error(`wrangler dev did not come up:\n${last.join('\n')}`);
    }
    await delay(50);
  }
  return { pid, ended, close };
}

/** Keeps wrangler from the network: no sample metadata, no metrics, no update check. */
const OFFLINE = {
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  NO_COLOR: '1',
};

/** Calls `onLine` for each line of the stream. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream }).on('line', onLine);
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false; // Not yet: that is what is being asked.
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // The group has ended already.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
