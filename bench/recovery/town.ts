import getPort from 'get-port';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { TownClient, until } from '../../dev/client.ts';
import { startRelight } from '../../dev/relight.ts';
import type { Relight } from '../../dev/relight.ts';
import type { Task, Times } from './ways.ts';

const PATIENCE_MS = 120_000;

/** The line that a control server logs once it answers. */
const Open = z.object({ event: z.literal('control.open'), answeringMs: z.number() });

/** A town of the whole product, whose container is down. */
export interface BenchTown {
  /** Starts the container: milliseconds from its start to the first line that the first and the last agent wrote. */
  light(): Promise<Times>;
  /** Starts the container, runs `work` with the pid of the control server while the agents live, and stops it. */
  lit<Result>(work: (pid: number) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/**
 * Starts Worker, Workflow and process engine, makes a town of the task's rigs and agents, and stops its container. `rest` is
 * what an agent does after its first line.
 */
export async function openTown({
  dir,
  rigs,
  branches,
  gitUrl,
  rest = 'exec sleep 600',
}: Omit<Task, 'tarUrl'> & { rest?: string }): Promise<BenchTown> {
  const lines = join(dir, 'lines');
  await mkdir(lines, { recursive: true });
  let startedAt = 0;
  const relight = await startRelight({
    port: await getPort(),
    stateDir: join(dir, 'state'),
    onContainerLine: ({ line }) => (startedAt = startOf(line) ?? startedAt),
  });
  const client = new TownClient(relight.url, relight.token, 'bench');
  const start = async (): Promise<number[]> => {
    await rm(lines, { recursive: true });
    await mkdir(lines);
    startedAt = 0;
    await client.call('POST', '/container', { action: 'start' });
    const count = rigs * branches.length;
    return until(`${count} agents write`, PATIENCE_MS, async () => readLines(lines, count));
  };
  const stop = async (): Promise<void> => {
    await client.call('POST', '/container', { action: 'stop' });
    await untilStopped(relight);
  };
  const light = async (): Promise<Times> => {
    const wrote = await start();
    await stop();
    return { first: Math.min(...wrote) - startedAt, last: Math.max(...wrote) - startedAt };
  };
  const lit: BenchTown['lit'] = async (work) => {
    await start();
    const result = await work(relight.engine.containers().find(({ pid }) => pid !== null)?.pid ?? 0);
    await stop();
    return result;
  };
  try {
    // Moved into its place whole: a line that is half written is no line.
    const file = `'${lines}'/$GT_RIG.$GT_AGENT`;
    const agentCommand = `date +%s%3N > ${file}.new; mv ${file}.new ${file}; ${rest}`;
    await client.call('PUT', '', { agentCommand, drainSeconds: 1 });
    for (let rig = 1; rig <= rigs; rig += 1) {
      await client.call('PUT', `/rigs/rig${rig}`, { gitUrl });
      for (const [n, branch] of branches.entries()) {
        await client.call('PUT', `/rigs/rig${rig}/agents/a${n + 1}`, {});
        const bead = { id: 'b1', title: 'Wait' };
        await client.call('PUT', `/rigs/rig${rig}/agents/a${n + 1}/hook`, { bead, branch });
      }
    }
    await light();
    return { light, lit, close: async () => relight.close() };
  } catch (error) {
    await relight.close();
    throw error;
  }
}

async function untilStopped({ engine }: Relight): Promise<void> {
  await until('the container has stopped', PATIENCE_MS, async () =>
    Promise.resolve(engine.containers().some(({ running }) => running) ? null : true),
  );
}

/** When the process that logged this line had started, in epoch milliseconds; null where that is not in it. */
function startOf(line: string): number | null {
  if (!line.includes('control.open')) return null;
  return Date.now() - Open.parse(JSON.parse(line)).answeringMs;
}

/** The times that all agents have written, once there are `count`. */
async function readLines(lines: string, count: number): Promise<number[] | null> {
  const names = (await readdir(lines)).filter((name) => !name.endsWith('.new'));
  if (names.length < count) return null;
  return Promise.all(names.map(async (name) => Number(await readFile(join(lines, name), 'utf8'))));
}
