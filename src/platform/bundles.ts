import type { FileCodes } from './stored-files.ts';

/** How the snapshots' store fails. */
export const BUNDLE_CODES: FileCodes = {
  unknown: 'unknown_snapshot',
  corrupt: 'snapshot_corrupt',
  store: 'snapshot_store',
};

/** Whether this deployment has a bucket: a deployment without R2 leaves the binding out. */
export function hasBucket(env: Env): boolean {
  return Reflect.get(env, 'SNAPSHOTS') !== undefined;
}

/** A key that no other upload has: what fails to be recorded can be deleted without touching what was. */
export function newBundleKey(town: string, rig: string, agent: string): string {
  return `${town}/${rig}/${agent}/${crypto.randomUUID()}.bundle`;
}

/** Deletes bundles; those that are gone already do not matter. */
export async function deleteBundles(bucket: R2Bucket, keys: readonly string[]): Promise<void> {
  if (keys.length > 0) await bucket.delete([...keys]);
}
