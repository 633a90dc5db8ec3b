import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { type ControlProcess, startControl } from './control-process.ts';
import { eventually, type FakeWorker, startFakeWorker } from './fake-worker.ts';
import { makeWorktree, output, startRemote } from './worktrees.ts';

/** The program `gt` as agents find it on their PATH. */
export const GT = fileURLToPath(new URL('../../../container/tools/bin/gt', import.meta.url));

/** How a run of `gt` ended, and all that it said. */
export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** A control server with one agent that waits, with `gt` speaking for it. */
export interface AgentTown {
  worker: FakeWorker;
  control: ControlProcess;
  dir: string;
  socket: string;
  /** What `gt` needs in its environment to speak for the agent. */
  env: Record<string, string>;
  gt(args: string[], input?: string): Promise<Said>;
}

/** Runs `gt` as an agent does, from outside. */
export async function runGt(args: string[], env: Record<string, string>, input = ''): Promise<Said> {
  return await new Promise((resolve) => {
    const child = execFile(GT, args, { env: { ...gtPath(), ...env } }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}

/** A town whose agent `a` waits, with `gt` speaking for it. */
export async function townWithAgent(prepare?: (dir: string) => Promise<void>): Promise<AgentTown> {
  const worker = await startFakeWorker();
  const control = await startControl(worker.url);
  const dir = await makeWorktree(control.workspace, 'a');
  await prepare?.(dir);
  await control.start('a', { command: 'echo "$GT_SOCKET" > ../socket; exec sleep 60' });
  const socket = await eventually(async () => {
    const path = (await readFile(join(dir, '../socket'), 'utf8')).trim();
    expect(path).toMatch(/\.sock$/);
    return path;
  });
  const env = { ...gtPath(), GT_SOCKET: socket, HOME: control.workspace };
  return { worker, control, dir, socket, env, gt: async (args, input) => await runGt(args, env, input) };
}

/** Gives a worktree a remote that takes its pushes. */
export async function withRemote(dir: string): Promise<string> {
  const { gitUrl } = await startRemote();
  await output('git', ['-C', dir, 'remote', 'add', 'origin', gitUrl]);
  return gitUrl;
}

/** What `gt` needs in its environment to start. */
export function gtPath(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', GT_NODE: process.execPath };
}
