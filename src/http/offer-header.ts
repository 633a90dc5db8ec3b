import { decodeBase64Url } from 'hono/utils/encode';
import type { z } from 'zod';
import { RelightError } from '../contract/errors.ts';

/** Reads what a header says of an uploaded file: base64url of JSON. Throws RelightError `invalid_request`. */
export function readOffer<Offer>(schema: z.ZodType<Offer>, name: string, header: string | undefined): Offer {
  try {
    const json = new TextDecoder().decode(decodeBase64Url(header ?? ''));
    return schema.parse(JSON.parse(json));
  } catch (error) {
    throw new RelightError('invalid_request', `the header ${name} is not an offer`, { cause: error });
  }
}
