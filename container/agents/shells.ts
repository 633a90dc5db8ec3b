import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Owner } from '../files/owner.ts';
import { errorFacts, log } from '../log.ts';
import { killLeftOver, MARK } from './left-over.ts';
import { openOutputPipe } from './output-pipe.ts';
import type { OutputPipe } from './output-pipe.ts';

/** What to run with `/bin/sh -c`. When `stop` aborts, its group gets SIGTERM, and SIGKILL `drainMs` later. */
export interface ShellOrder {
  readonly command: string;
  readonly cwd: string;
  /** Who runs it, where that is not the control server's own user; nothing of that user's is left at the end. */
  readonly user?: Owner | null;
  readonly env: Readonly<Record<string, string>>;
  readonly input: string;
  readonly stop: AbortSignal;
  readonly drainMs: number;
  readonly onSpawn?: (pid: number) => void;
  readonly onOutput: (chunk: Uint8Array) => void;
}

/** How it ended; one of `code` and `signal` is null. */
export interface ShellEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly ranMs: number;
}

/** What a rig's users share is for all of them to write, what is not is nobody else's to read. */
const UMASK = '007';

const GROUP_LOOK_MS = 25;
/** How long output is still read after the end: a process that left the group may hold the pipe for ever. */
const OUTPUT_GRACE_MS = 500;

/** Runs shell commands, each in a session of its own, and leaves no process of theirs behind. */
export class Shells {
  readonly #groups = new Set<number>();

  /** Runs a command to its end, including that of everything it started. Throws when it cannot be spawned. */
  async run(order: ShellOrder): Promise<ShellEnd> {
    const output = await openOutputPipe(order.onOutput);
    try {
      return await this.#runInto(output, order);
    } finally {
      output.destroy();
    }
  }

  async #runInto(output: OutputPipe, order: ShellOrder): Promise<ShellEnd> {
    const { user = null } = order;
    const mark = randomUUID();
    const command = user === null ? order.command : `umask ${UMASK}\n${order.command}`;
    const child = spawn('/bin/sh', ['-c', command], {
      cwd: order.cwd,
      env: { ...order.env, [MARK]: mark },
      ...user,
      detached: true,
      stdio: ['pipe', output.fd, output.fd],
    });
    const began = performance.now();
    const exit = exitOf(child);
    output.handOver();
    child.stdin?.on('error', noteUnreadInput);
    const group = child.pid;
    // Without a pid the spawn failed, and `exit` throws the reason.
    if (group === undefined) return { ...(await exit), ranMs: 0 };

    this.#groups.add(group);
    try {
      order.onSpawn?.(group);
      child.stdin?.end(order.input);
      const drain = new Drain(group, order);
      const end = await exit;
      const ranMs = Math.round(performance.now() - began);
      await drain.finished();
      signalGroup(group, 'SIGKILL');
      await killLeftOver(user === null ? { mark } : user);
      await Promise.race([output.closed, delay(OUTPUT_GRACE_MS)]);
      return { ...end, ranMs };
    } finally {
      this.#groups.delete(group);
    }
  }

  /** Kills every process of every command at once. */
  killAll(): void {
    for (const group of this.#groups) signalGroup(group, 'SIGKILL');
  }
}

/** The time that a process group has between SIGTERM and SIGKILL, from when its order is stopped. */
class Drain {
  readonly #group: number;
  readonly #order: ShellOrder;
  #deadline = 0;
  #last: NodeJS.Timeout | undefined;

  constructor(group: number, order: ShellOrder) {
    this.#group = group;
    this.#order = order;
    if (order.stop.aborted) this.#begin();
    else order.stop.addEventListener('abort', this.#begin, { once: true });
  }

  /** Waits for what the shell left behind: it dies of the SIGTERM at once, its agent may still save its work. */
  async finished(): Promise<void> {
    this.#order.stop.removeEventListener('abort', this.#begin);
    while (Date.now() < this.#deadline && signalGroup(this.#group, 0)) await delay(GROUP_LOOK_MS);
    clearTimeout(this.#last);
  }

  readonly #begin = (): void => {
    this.#deadline = Date.now() + this.#order.drainMs;
    this.#last = setTimeout(() => signalGroup(this.#group, 'SIGKILL'), this.#order.drainMs);
    signalGroup(this.#group, 'SIGTERM');
  };
}

/** Whether the error is a failed system call with this code. */
export function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

async function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** Sends a signal to a process group; false when nothing of it is left (kill(2)). */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch (error) {
    // EPERM: macOS says so of a group of zombies.
    if (isErrno(error, 'ESRCH', 'EPERM')) return false;
    throw error;
  }
}

function noteUnreadInput(error: Error): void {
  // A program is free not to read its prime.
  if (!isErrno(error, 'EPIPE', 'ECONNRESET')) log.warn('shell.input-failed', errorFacts(error));
}
