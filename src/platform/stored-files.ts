import { RelightError } from '../contract/errors.ts';
import type { ErrorCode } from '../contract/errors.ts';

/** The codes with which a kind of file is missed, found damaged, or cannot be reached. */
export interface FileCodes {
  readonly unknown: ErrorCode;
  readonly corrupt: ErrorCode;
  readonly store: ErrorCode;
}

/**
 * Streams a file into R2, which refuses it unless it has that length and SHA-256
 * (https://developers.cloudflare.com/r2/api/workers/workers-api-reference/). Throws RelightError `corrupt` or `store`.
 */
export async function storeFile(
  bucket: R2Bucket,
  key: string,
  { bytes, sha256, file }: { bytes: number; sha256: string; file: ReadableStream },
  codes: FileCodes,
): Promise<void> {
  const exact = new FixedLengthStream(bytes);
  try {
    await Promise.all([file.pipeTo(exact.writable), bucket.put(key, exact.readable, { sha256 })]);
  } catch (error) {
    const isCorrupt = /checksum|sha-?256|10037|fixed.?length|did not match/i.test(String(error));
    throw new RelightError(isCorrupt ? codes.corrupt : codes.store, String(error), { cause: error });
  }
}

/** A stored file, to be streamed. Throws RelightError `unknown` or `store`. */
export async function fetchFile(bucket: R2Bucket, key: string, codes: FileCodes): Promise<R2ObjectBody> {
  const found = await bucket.get(key).catch((error: unknown) => {
    throw new RelightError(codes.store, String(error), { cause: error });
  });
  if (found === null) throw new RelightError(codes.unknown, 'it is not in the bucket any more');
  return found;
}

/** The file as an answer of known length. */
export function fileResponse({ body, size }: R2ObjectBody): Response {
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(size) };
  return new Response(body, { headers });
}
