import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { hasCode } from './error-code.ts';
import { MARK } from './processes.ts';

/** The engine's end of the pipe to its reaper. */
export interface Reaper {
  /** Tells the reaper of a process group that must not outlive the engine. */
  watch(group: number): void;
  /** Tells the reaper that a process group has ended. */
  forget(group: number): void;
  /** Closes the pipe and waits until the reaper has removed what is left and is gone. */
  finish(): Promise<void>;
}

/**
 * Starts the process that ends all containers and removes `rootDir` when the engine dies, even by SIGKILL. It sits in a
 * session of its own, so that a Ctrl-C in the terminal does not end it before its work is done.
 *
 * It carries the containers' mark: an engine that is started anew on the same `rootDir` ends it, with all else that is
 * left, before the old reaper could remove the new engine's directory.
 */
export async function startReaper(rootDir: string, socketPath: string): Promise<Reaper> {
  const program = fileURLToPath(new URL('reaper.ts', import.meta.url));
  const child = spawn(process.execPath, [program, rootDir, socketPath], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { [MARK]: `${rootDir}/reaper` },
  });
  await once(child, 'spawn');
  const exited = once(child, 'exit');
  child.unref();
  child.stdin.on('error', (error) => {
    // Without its reaper an engine still ends its containers by itself, as long as it is not killed.
    if (!hasCode(error, 'EPIPE', 'ECONNRESET')) throw error;
  });
  return {
    watch: (group) => void child.stdin.write(`+${String(group)}\n`),
    forget: (group) => void child.stdin.write(`-${String(group)}\n`),
    finish: async () => {
      child.ref();
      child.stdin.end();
      await exited;
    },
  };
}
