import type { z } from 'zod';
import { type Problem, problemOf, RelightError } from '../src/contract/errors.ts';
import { errorFacts, log } from './log.ts';

/** The media type of problem details (RFC 9457). */
export const PROBLEM_TYPE = 'application/problem+json';

/** Any error as problem details. One that nobody expected is logged, and its words are kept from the caller. */
export function problemFrom(error: unknown): Problem {
  if (error instanceof RelightError) return problemOf(error.code, error.message);
  log.error('control.unexpected-error', { ...errorFacts(error), stack: stackOf(error) });
  return problemOf('internal', 'The control server failed; its log says how');
}

/** Checks data from outside. Throws `invalid_request`, naming every place that is wrong. */
export function parseOrRefuse<Schema extends z.ZodType>(schema: Schema, data: unknown): z.output<Schema> {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new RelightError('invalid_request', faults.join('; '));
}

/** Reads JSON from outside. Throws `invalid_request`. */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new RelightError('invalid_request', `The body is not JSON: ${words}`, { cause: error });
  }
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
