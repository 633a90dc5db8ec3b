import type { HonoRequest } from 'hono';
import type { z } from 'zod';
import { RelightError } from '../contract/errors.ts';

/** The body of a request, checked. Throws RelightError `invalid_request` for what is no JSON, and a ZodError. */
export async function readJson<Body>(request: HonoRequest, schema: z.ZodType<Body>): Promise<Body> {
  const json: unknown = await request.json().catch((error: unknown) => {
    throw error instanceof SyntaxError ? new RelightError('invalid_request', 'the body is not JSON') : error;
  });
  return schema.parse(json);
}
