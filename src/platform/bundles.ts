import { RelightError } from '../contract/errors.ts';

/** Whether this deployment has a bucket: a deployment without R2 leaves the binding out. */
export function hasBucket(env: Env): boolean {
  return Reflect.get(env, 'SNAPSHOTS') !== undefined;
}

/** A key that no other upload has: what fails to be recorded can be deleted without touching what was. */
export function newBundleKey(town: string, rig: string, agent: string): string {
  return `${town}/${rig}/${agent}/${crypto.randomUUID()}.bundle`;
}

/**
 * Streams a bundle into R2, which refuses it unless it has that length and SHA-256
 * (https://developers.cloudflare.com/r2/api/workers/workers-api-reference/). Throws RelightError `snapshot_corrupt` or
 * `snapshot_store`.
 */
export async function storeBundle(
  bucket: R2Bucket,
  key: string,
  expected: { readonly bytes: number; readonly sha256: string },
  bundle: ReadableStream,
): Promise<void> {
  const exact = new FixedLengthStream(expected.bytes);
  try {
    await Promise.all([
      bundle.pipeTo(exact.writable),
      bucket.put(key, exact.readable, { sha256: expected.sha256 }),
    ]);
  } catch (error) {
    const isCorrupt = /checksum|sha-?256|10037|fixed.?length|did not match/i.test(String(error));
    throw new RelightError(isCorrupt ? 'snapshot_corrupt' : 'snapshot_store', String(error), {
      cause: error,
    });
  }
}

/** The stored bundle. Throws RelightError `unknown_snapshot` or `snapshot_store`. */
export async function fetchBundle(bucket: R2Bucket, key: string): Promise<R2ObjectBody> {
  const found = await bucket.get(key).catch((error: unknown) => {
    throw new RelightError('snapshot_store', String(error), { cause: error });
  });
  if (found === null) throw new RelightError('unknown_snapshot', 'the bundle is not in the bucket');
  return found;
}

/** Deletes bundles; those that are gone already do not matter. */
export async function deleteBundles(bucket: R2Bucket, keys: readonly string[]): Promise<void> {
  if (keys.length > 0) await bucket.delete([...keys]);
}
