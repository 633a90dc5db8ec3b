import { RelightError } from '../contract/errors.ts';
import type { Snapshot } from '../contract/snapshot.ts';

/** Whose bundle it is. */
export interface BundleOwner {
  readonly town: string;
  readonly rig: string;
  readonly agent: string;
}

/** Whether this deployment has a bucket: a deployment without R2 leaves the binding out. */
export function hasBucket(env: Env): boolean {
  return Reflect.get(env, 'SNAPSHOTS') !== undefined;
}

type Place = Pick<Snapshot, 'generation' | 'seq'>;

/**
 * Streams a bundle into R2, which refuses it unless it has that SHA-256
 * (https://developers.cloudflare.com/r2/api/workers/workers-api-reference/). Throws RelightError `snapshot_corrupt` or
 * `snapshot_store`.
 */
export async function storeBundle(
  bucket: R2Bucket,
  owner: BundleOwner,
  snapshot: Snapshot,
  bundle: ReadableStream,
): Promise<void> {
  if (snapshot.bytes === null || snapshot.sha256 === null) {
    throw new RelightError('invalid_request', 'a bundle needs its length and its SHA-256');
  }
  const exact = new FixedLengthStream(snapshot.bytes);
  const piped = bundle.pipeTo(exact.writable);
  try {
    await Promise.all([
      bucket.put(keyOf(owner, snapshot), exact.readable, { sha256: snapshot.sha256 }),
      piped,
    ]);
  } catch (error) {
    const text = String(error);
    const isCorrupt = /checksum|sha-?256|10037|fixed.?length|did not match/i.test(text);
    throw new RelightError(isCorrupt ? 'snapshot_corrupt' : 'snapshot_store', text, { cause: error });
  }
}

/** The stored bundle. Throws RelightError `unknown_snapshot` or `snapshot_store`. */
export async function fetchBundle(bucket: R2Bucket, owner: BundleOwner, place: Place): Promise<R2ObjectBody> {
  const found = await bucket.get(keyOf(owner, place)).catch((error: unknown) => {
    throw new RelightError('snapshot_store', String(error), { cause: error });
  });
  if (found === null) throw new RelightError('unknown_snapshot', 'the bundle is not in the bucket');
  return found;
}

/** Deletes bundles; those that are gone already do not matter. */
export async function deleteBundles(
  bucket: R2Bucket,
  owner: BundleOwner,
  places: readonly Place[],
): Promise<void> {
  if (places.length > 0) await bucket.delete(places.map((place) => keyOf(owner, place)));
}

function keyOf({ town, rig, agent }: BundleOwner, { generation, seq }: Place): string {
  return `${town}/${rig}/${agent}/${generation}-${seq}.bundle`;
}
