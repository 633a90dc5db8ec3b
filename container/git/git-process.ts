import { spawn } from 'node:child_process';
import type { Owner } from '../files/owner.ts';

/** How long output is still read after the end: a process that inherited the pipes may hold them for ever. */
const OUTPUT_GRACE_MS = 1_000;

/** How long a process that was told to end may take over it. */
const KILL_GRACE_MS = 5_000;

/** What to run, as whom, and what stops it; `silenceMs` counts from the last byte that it wrote. */
export interface ProcessOrder {
  readonly words: readonly [string, ...string[]];
  readonly dir: string;
  readonly user: Owner | null;
  readonly env: Readonly<Record<string, string>>;
  readonly input: string;
  readonly signal: AbortSignal | undefined;
  readonly limitMs: number;
  readonly silenceMs: number | null;
  readonly onStderr?: ((text: string) => void) | undefined;
}

/** How it ended: `stopped` says what ended it where it did not end by itself. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly stopped: 'signal' | 'limit' | 'silence' | null;
}

/** Runs a process to its end and collects what it writes. Throws when it cannot be spawned. */
export async function runProcess(order: ProcessOrder): Promise<ProcessEnd> {
  const { words, dir, user, env, input, signal } = order;
  const [file, ...args] = words;
  const child = spawn(file, args, { cwd: dir, env: { ...env }, ...user, stdio: 'pipe' });
  const written = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  let stopped: ProcessEnd['stopped'] = null;
  let killing: NodeJS.Timeout | undefined;
  const stop = (why: ProcessEnd['stopped']): void => {
    if (stopped !== null) return;
    stopped = why;
    child.kill('SIGTERM');
    killing = setTimeout(() => child.kill('SIGKILL'), KILL_GRACE_MS);
  };
  const onAbort = (): void => stop('signal');
  const limit = setTimeout(() => stop('limit'), order.limitMs);
  const silence = order.silenceMs === null ? null : setTimeout(() => stop('silence'), order.silenceMs);
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted === true) onAbort();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      silence?.refresh();
      written[name].push(chunk);
      if (name === 'stderr') order.onStderr?.(chunk.toString());
    });
  }
  // A process that ends before it has read everything says why by its exit code.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  try {
    const exitCode = await endOf(child);
    const text = (name: 'stdout' | 'stderr'): string => Buffer.concat(written[name]).toString();
    return { exitCode, stdout: text('stdout'), stderr: text('stderr'), stopped };
  } finally {
    for (const timer of [limit, silence, killing]) clearTimeout(timer ?? undefined);
    signal?.removeEventListener('abort', onAbort);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** The exit code once the output is read to its end, or has been waited for long enough; null after a signal. */
async function endOf(child: ReturnType<typeof spawn>): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
    child.once('exit', (code) => {
      const grace = setTimeout(() => resolve(code), OUTPUT_GRACE_MS);
      child.once('close', () => clearTimeout(grace));
    });
  });
}
