import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { PassThrough } from 'node:stream';
import { onTestFinished } from 'vitest';
import { relight } from '../../../cli/relight.ts';
import { Terminal } from '../../../cli/terminal.ts';
import { type ErrorCode, problemOf } from '../../../src/contract/errors.ts';

export const TOKEN = 'operator-token-0123456789';

/** What was asked of the fake: its JSON body, null where there was none. */
export interface Asked {
  readonly call: string;
  readonly body: unknown;
}

/** A Relight that answers what a test lays down, by `METHOD /path`; anything else is there not. */
export interface FakeRelight {
  readonly url: string;
  readonly asked: Asked[];
  answer(call: string, answer: unknown): void;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Starts a fake Relight for one test. */
export async function startFake(): Promise<FakeRelight> {
  const asked: Asked[] = [];
  const answers = new Map<string, unknown>();
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const call = `${request.method} ${request.url}`;
      asked.push({ call, body: body === '' ? null : JSON.parse(body) });
      if (request.headers.authorization !== `Bearer ${TOKEN}`) return refuse(response, 'unauthorized', 'no');
      if (!answers.has(call)) return refuse(response, 'not_found', `there is nothing at ${call}`);
      const answer = answers.get(call);
      if (typeof answer === 'function') (answer as Handler)(request, response);
      else if (answer === null) response.writeHead(204).end();
      else response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(
    async () =>
      await new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  );
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the fake has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    answer: (call, answer) => void answers.set(call, answer),
  };
}

/** Answers with problem details. */
export function refuse(response: ServerResponse, code: ErrorCode, detail: string): void {
  const problem = problemOf(code, detail);
  response
    .writeHead(problem.status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify(problem));
}

/** What a command line printed, and how it ended. */
export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly stdin?: string;
  readonly tty?: boolean;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a command line in this process; what is printed is there to read meanwhile. */
export function begin(args: readonly string[], { stdin = '', tty = false, env = {} }: RunOptions = {}) {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const said = { stdout: '', stderr: '' };
  Object.assign(streams.stdin, { isTTY: tty });
  for (const name of ['stdout', 'stderr'] as const) {
    streams[name].on('data', (chunk: Buffer) => (said[name] += chunk.toString()));
    Object.assign(streams[name], { isTTY: tty, rows: 10 });
  }
  streams.stdin.end(stdin);
  const ended = relight(args, new Terminal({ ...streams, env })).then((exitCode) => ({ exitCode, ...said }));
  return { said, ended };
}

/** Runs a command line against the fake, to its end. */
export async function run(
  { url }: FakeRelight,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  return await begin([...args, '--url', url, '--token', TOKEN], options).ended;
}
