import type { z } from 'zod';
import { Problem } from '../src/contract/errors.ts';
import { AwayError, RefusedError } from './failure.ts';
import type { Settings } from './settings.ts';

/** How long an answer may take; removing a town stops its container first. */
const ANSWER_WITHIN_MS = 60_000;

/** An answer of the operator API: the text that came, and what a schema makes of it. */
export interface Answer<Shape> {
  readonly text: string;
  readonly value: Shape;
}

interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Calls the operator API. All methods throw RefusedError for a refusal, and AwayError where Relight does not answer. */
export class Api {
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The text of an answer. */
  async text(method: string, path: string, body?: unknown): Promise<string> {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const response = await this.open(method, path, { body, signal });
    return await this.#reading(() => response.text());
  }

  /** The answer to a call, parsed; control characters in it are taken out of what is shown, not out of `text`. */
  async call<Shape>(
    schema: z.ZodType<Shape>,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Answer<Shape>> {
    const text = await this.text(method, path, body);
    return { text, value: this.parse(schema, text) };
  }

  async get<Shape>(schema: z.ZodType<Shape>, path: string): Promise<Answer<Shape>> {
    return await this.call(schema, 'GET', path);
  }

  /** What the schema makes of JSON that came from Relight. */
  parse<Shape>(schema: z.ZodType<Shape>, text: string): Shape {
    const parsed = schema.safeParse(readable(text));
    if (parsed.success) return parsed.data;
    throw new AwayError(`what answers at ${this.#settings.url} is not the Relight that this program knows`);
  }

  /** An answer whose body is yet to be read. */
  async open(
    method: string,
    path: string,
    { body, headers = {}, signal }: CallOptions = {},
  ): Promise<Response> {
    const { url, token } = this.#settings;
    const response = await this.#reading(() =>
      fetch(`${url}${path}`, {
        method,
        // A redirect would lose the token on its way, and be refused without a reason that helps.
        redirect: 'manual',
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      }),
    );
    if (response.ok) return response;
    const text = await this.#reading(() => response.text());
    const problem = Problem.safeParse(readable(text));
    if (problem.success) throw new RefusedError(problem.data, text);
    throw new AwayError(`${url} answers ${response.status}, and not as Relight does`);
  }

  async #reading<Value>(read: () => Promise<Value>): Promise<Value> {
    try {
      return await read();
    } catch (error) {
      throw new AwayError(`${this.#settings.url} cannot be reached: ${reasonOf(error)}`, { cause: error });
    }
  }
}

/** What JSON says, without the control characters by which a text could take over the terminal; null where it is none. */
export function readable(text: string): unknown {
  try {
    return JSON.parse(text, (_, value: unknown) =>
      typeof value === 'string' ? value.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '') : value,
    );
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Why fetch failed: it says "fetch failed" alone, and the reason below. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  const { cause } = error;
  if (cause instanceof Error && 'code' in cause) return String(cause.code);
  return cause instanceof Error ? cause.message : error.message;
}
