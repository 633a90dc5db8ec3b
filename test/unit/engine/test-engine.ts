import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type ContainerLine, type Engine, startEngine } from '../../../dev/engine/engine.ts';
import { hasCode } from '../../../dev/engine/error-code.ts';
import { askDocker, type DockerAnswer } from './docker-client.ts';

/** An engine for one test, and what the test needs to drive it. */
export interface TestEngine {
  engine: Engine;
  rootDir: string;
  socketPath: string;
  lines: ContainerLine[];
  docker: (method: string, path: string, body?: object) => Promise<DockerAnswer>;
  /** Creates and starts a container that runs a shell script. */
  run: (name: string, script: string, env?: string[]) => Promise<void>;
  /** Resolves with the container's exit code. */
  exitCode: (name: string) => Promise<unknown>;
}

/** Starts an engine whose image `sh` runs the script in the variable `SCRIPT`, and `node` the same in Node. */
export async function startTestEngine(): Promise<TestEngine> {
  const { rootDir, socketPath } = await temporaryPlace();
  const lines: ContainerLine[] = [];
  const engine = await startEngine({
    rootDir,
    socketPath,
    log: (line) => lines.push(line),
    command: (image, env) => {
      const script = env['SCRIPT'] ?? '';
      if (image === 'sh') return { file: '/bin/sh', args: ['-c', script] };
      if (image === 'node') return { file: process.execPath, args: ['-e', script] };
      return image === 'missing-program' ? { file: '/nonexistent/program', args: [] } : null;
    },
  });
  onTestFinished(() => engine.close());
  const docker: TestEngine['docker'] = (method, path, body) => askDocker(socketPath, method, path, body);
  return {
    engine,
    rootDir,
    socketPath,
    lines,
    docker,
    run: async (name, script, env = []) => {
      await docker('POST', `/containers/create?name=${name}`, {
        Image: 'sh',
        Env: [`SCRIPT=${script}`, ...env],
      });
      const { status, body } = await docker('POST', `/containers/${name}/start`);
      if (status !== 204) throw new Error(`not started: ${JSON.stringify(body)}`);
    },
    exitCode: async (name) => (await docker('POST', `/containers/${name}/wait`)).body,
  };
}

/** A root directory and a socket path for one test. */
export async function temporaryPlace(): Promise<{ rootDir: string; socketPath: string }> {
  const place = await mkdtemp(join(tmpdir(), 'rl-'));
  onTestFinished(() => rm(place, { recursive: true, force: true }));
  return { rootDir: join(place, 'c'), socketPath: join(place, 's') };
}

/** Whether a process runs; a zombie, which its parent or init has yet to collect, does not. */
export function isAlive(pid: number): boolean {
  try {
    if (process.platform !== 'linux') return process.kill(pid, 0);
    return !/\) [ZX] /.test(readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return false;
    throw error;
  }
}
