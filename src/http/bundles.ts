import { Hono } from 'hono';
import { RelightError } from '../contract/errors.ts';
import {
  BUNDLE_CALLS,
  OFFER_HEADER,
  SNAPSHOT_MAX_BYTES,
  SnapshotOffer,
  SnapshotWanted,
} from '../contract/snapshot.ts';
import { agentOf, townOf } from '../objects/reach.ts';
import { BUNDLE_CODES, deleteBundles, hasBucket, newBundleKey } from '../platform/bundles.ts';
import { fetchFile, fileResponse, storeFile } from '../platform/stored-files.ts';
import { limitBody } from './guards.ts';
import type { Bindings } from './guards.ts';
import { readJson } from './json-body.ts';
import { readOffer } from './offer-header.ts';
import { admitOffer, recordOffer } from './offers.ts';

/** Snapshots on their way out of the container and back: bundles are streamed, never held. */
export const bundles = new Hono<Bindings>();

bundles.use(BUNDLE_CALLS.download.path, limitBody);

bundles.on(BUNDLE_CALLS.upload.method, BUNDLE_CALLS.upload.path, async (c) => {
  const bucket = bucketOf(c.env);
  const town = c.get('town');
  const offer = readOffer(SnapshotOffer, OFFER_HEADER, c.req.header(OFFER_HEADER));
  const { rig, agent, snapshot } = offer;
  const { bytes, sha256 } = snapshot;
  if (c.req.raw.body === null || bytes === null || sha256 === null) {
    throw new RelightError('invalid_request', 'an upload needs a bundle, its length and its SHA-256');
  }
  if (bytes > SNAPSHOT_MAX_BYTES) {
    throw new RelightError('snapshot_too_large', `a bundle has at most ${SNAPSHOT_MAX_BYTES} bytes`);
  }
  await townOf(c.env, town).admit(offer.life, c.get('token'));
  await admitOffer(c.env, town, offer);
  const place = newBundleKey(town, rig, agent);
  try {
    await storeFile(bucket, place, { bytes, sha256, file: c.req.raw.body }, BUNDLE_CODES);
    await recordOffer(c.env, town, { ...offer, snapshot: { ...snapshot, place } });
  } catch (error) {
    // Nobody knows of the bundle, so nobody else would ever delete it.
    c.executionCtx.waitUntil(deleteBundles(bucket, [place]));
    throw error;
  }
  return c.body(null, 204);
});

bundles.on(BUNDLE_CALLS.download.method, BUNDLE_CALLS.download.path, async (c) => {
  const town = c.get('town');
  const { life, rig, agent, generation, seq } = await readJson(c.req, SnapshotWanted);
  await townOf(c.env, town).admit(life, c.get('token'));
  const { place } = await agentOf(c.env, town, rig, agent).snapshot(generation, seq);
  return fileResponse(await fetchFile(bucketOf(c.env), place ?? '', BUNDLE_CODES));
});

function bucketOf(env: Env): R2Bucket {
  if (!hasBucket(env)) throw new RelightError('snapshot_store', 'this deployment has no bucket SNAPSHOTS');
  return env.SNAPSHOTS;
}
