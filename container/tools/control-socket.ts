import { setTimeout as delay } from 'node:timers/promises';

// Only built-in modules here: `gt` and git's credential helper start in the middle of an agent's work.
// Importing node:http would run its getters, which load all of fetch: 50 ms that every call would pay.
const { request } = process.getBuiltinModule('node:http');

const RETRY_MS = 200;
const AWAY = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'EAGAIN']);

/** The control server did not answer on its socket for as long as the caller was ready to wait. */
export class ControlAway extends Error {
  override readonly name = 'ControlAway';
}

/** What to ask, for how long to try in milliseconds, and what takes the question back. */
export interface Question {
  readonly body: string;
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks the control server; tries again for `waitMs` while nobody listens. Throws {@link ControlAway}, or an AbortError
 * when `signal` aborts.
 */
export async function askControl(
  socketPath: string,
  path: string,
  { body, waitMs, signal }: Question,
): Promise<{ status: number; text: string }> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    try {
      return await askOnce({ socketPath, path, signal }, body);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && AWAY.has(String(error.code)))) throw error;
      if (Date.now() >= deadline) {
        throw new ControlAway(`the control server is away (${String(error.code)})`, { cause: error });
      }
      await delay(RETRY_MS, undefined, { signal });
    }
  }
}

async function askOnce(
  { socketPath, path, signal }: { socketPath: string; path: string; signal: AbortSignal | undefined },
  body: string,
): Promise<{ status: number; text: string }> {
  const bytes = Buffer.from(body);
  return await new Promise((resolve, reject) => {
    const call = request(
      { socketPath, path, signal, method: 'POST', headers: { 'content-length': bytes.length } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    call.on('error', reject);
    call.end(bytes);
  });
}
