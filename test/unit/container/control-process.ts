import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { z } from 'zod';
import { isErrno } from '../../../container/agents/shells.ts';
import { COMPILE_CACHE } from '../../../dev/compile-cache.ts';
import { CONTROL, type RestoreRequest, type StartRequest } from '../../../src/contract/control.ts';
import { type Exchange, pathOf } from '../../../src/contract/exchange.ts';
import type { Life } from '../../../src/contract/ids.ts';
import { CONTRACT_HEADER, CONTRACT_VERSION } from '../../../src/contract/version.ts';
import { eventually, GENERATION, TOKEN } from './fake-worker.ts';

const MAIN = fileURLToPath(new URL('../../../container/main.ts', import.meta.url));

/** One answer of the control server. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  json(): unknown;
}

/** A real control server process. */
export interface ControlProcess {
  readonly pid: number;
  readonly url: string;
  readonly bootId: string;
  readonly life: Life;
  readonly workspace: string;
  /** The log so far: one object per line. */
  readonly events: readonly Record<string, unknown>[];
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  kill(signal: NodeJS.Signals): void;
  call(exchange: Exchange, places?: Record<string, string>, body?: unknown): Promise<Answer>;
  start(agent: string, order: Partial<z.input<typeof StartRequest>>): Promise<string>;
}

/** A workspace for one test. */
export async function makeWorkspace(): Promise<string> {
  const workspace = await mkdtemp(join(tmpdir(), 'relight-'));
  onTestFinished(async () => await rm(workspace, { recursive: true, force: true, maxRetries: 5 }));
  return workspace;
}

/** `program` are the words that run the control server where it is not run straight from the sources. */
interface StartOptions {
  readonly workspace?: string;
  readonly env?: Record<string, string>;
  readonly program?: readonly string[] | undefined;
}

/** Starts a control server for one test and waits until it answers. */
export async function startControl(
  workerUrl: string,
  { workspace, env = {}, program }: StartOptions = {},
): Promise<ControlProcess> {
  const dir = workspace ?? (await makeWorkspace());
  const { child, events, ended } = spawnControl(
    {
      GT_TOWN: 'town',
      RELIGHT_URL: workerUrl,
      RELIGHT_TOKEN: TOKEN,
      ALLOW_PRIVATE_GIT: 'true',
      WORKSPACE: dir,
      PORT: '0',
      HOST: '127.0.0.1',
      DRAIN_SECONDS: '1',
      ...env,
    },
    program,
  );
  const open = await eventually(() => {
    const event = events.find((line) => line['event'] === 'control.open');
    if (event === undefined) throw new Error('the control server does not listen');
    return event;
  });
  const bootId = String(open['bootId']);
  const url = `http://127.0.0.1:${String(open['port'])}`;
  const life = { bootId, generation: GENERATION };
  const call = async (exchange: Exchange, places = {}, body?: unknown): Promise<Answer> =>
    await send(url + pathOf(exchange, places), exchange.method, body);
  return {
    pid: child.pid ?? 0,
    url,
    bootId,
    life,
    workspace: dir,
    events,
    ended,
    kill: (signal) => void child.kill(signal),
    call,
    start: async (agent, order) => {
      const answer = await call(CONTROL.start, { rig: 'rig', agent }, startRequest(life, order));
      if (answer.status !== 200) throw new Error(`start was answered ${answer.text}`);
      return CONTROL.start.answer.parse(answer.json()).startId;
    },
  };
}

const POLICY = {
  store: 'r2',
  refSpace: 'private',
  home: 'town.1',
  intervalSeconds: 10,
  maxFileBytes: 1_000_000,
} as const;

/** The body of a start: an agent that waits, unless the order says something else. */
export function startRequest(life: Life, order: Partial<z.input<typeof StartRequest>>): object {
  const bead = order.bead ?? 'bead-1';
  const usual = {
    startId: randomUUID(),
    bead,
    branch: `gt/a/${bead}`,
    role: 'polecat',
    command: 'sleep 60',
    snapshots: POLICY,
  };
  return { life, ...usual, ...order };
}

/** The body of a restore of the named agents. */
export function restoreRequest(
  life: Life,
  gitUrl: string,
  agents: string[],
  more: Partial<RestoreRequest> = {},
): RestoreRequest {
  const plans = agents.map((agent) => ({
    agent,
    bead: 'bead-1',
    branch: `gt/${agent}/bead-1`,
    baseBranch: null,
    checkpointHead: null,
    snapshot: null,
    older: [],
    pinned: [],
  }));
  const usual = {
    recoveryId: null,
    event: null,
    defaultBranch: null,
    credential: false,
    setupCommand: null,
    history: 'full' as const,
    sparse: [],
    snapshots: POLICY,
    hooked: null,
    files: null,
  };
  return { life, gitUrl, ...usual, agents: plans, ...more };
}

/** Starts the program with this environment and nothing else; ended with the test, with all its agents. */
export function spawnControl(
  env: Record<string, string>,
  [file = '', ...args]: readonly string[] = [process.execPath, MAIN],
): {
  child: ReturnType<typeof spawn>;
  events: Record<string, unknown>[];
  stderr: () => string;
  ended: Promise<{ code: number | null; signal: string | null }>;
} {
  const child = spawn(file, args, {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
  });
  const events: Record<string, unknown>[] = [];
  let [rest, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) events.push(JSON.parse(line) as Record<string, unknown>);
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  onTestFinished(async () => {
    // The second signal has it exit at once, and take its agents along.
    child.kill('SIGTERM');
    child.kill('SIGINT');
    await ended;
  });
  return { child, events, stderr: () => stderr, ended };
}

/** Whether a process runs; one that has ended and that nobody has asked for is none. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return false;
    throw error;
  }
}

async function send(url: string, method: string, body: unknown): Promise<Answer> {
  const init = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
  const headers = { authorization: `Bearer ${TOKEN}`, [CONTRACT_HEADER]: String(CONTRACT_VERSION) };
  const response = await fetch(url, { method, headers, ...init });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, type, text, json: (): unknown => JSON.parse(text) };
}
