import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { RelightError } from '../../src/contract/errors.ts';
import { SNAPSHOT_MAX_BYTES } from '../../src/contract/snapshot.ts';
import type { Snapshot } from '../../src/contract/snapshot.ts';
import { readLocalRefs, trackingRef } from '../git/local-refs.ts';
import { ownDir, repoDir } from '../git/layout.ts';
import type { Git } from '../git/run-git.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { WorkerClient } from '../worker-client.ts';
import { readBundle, sha256Of, writeBundle } from './bundle.ts';
import type { Captured } from './capture.ts';
import { describeSnapshot } from './offer.ts';
import type { SnapshotMeta } from './snapshot-meta.ts';

/** Bundles written at a time, in the whole container. */
const SIDE_BY_SIDE = 2;

/** What the store works with. */
export interface BundleStoreParts {
  readonly git: Git;
  readonly worker: WorkerClient;
  readonly lifecycle: Lifecycle;
}

/** Snapshots as thin bundles, which the Worker keeps in R2. */
export class BundleStore {
  readonly #parts: BundleStoreParts;
  readonly #limit = pLimit(SIDE_BY_SIDE);

  constructor(parts: BundleStoreParts) {
    this.#parts = parts;
  }

  /**
   * Stores the snapshot; it is verified and recorded when this returns. `agentBranches` are the branches of the rig's
   * agents: they come, go and move, so a snapshot builds on none of them. Throws RelightError.
   */
  async store(captured: Captured, agentBranches: ReadonlySet<string>): Promise<void> {
    const { git, worker, lifecycle } = this.#parts;
    const { rig, agent, seq } = captured.meta;
    const file = this.#fileOf(rig, agent, seq);
    try {
      const onRemote = await this.#lastingCommits(rig, agentBranches);
      const limits = { onRemote, file, maxBytes: SNAPSHOT_MAX_BYTES };
      const bundle = await this.#limit(async () => await writeBundle(git, rig, captured, limits));
      const snapshot = describeSnapshot(captured, { ...bundle, store: 'r2', place: null });
      await worker.upload({ life: lifecycle.life, rig, agent, snapshot }, file);
    } finally {
      await rm(file, { force: true });
    }
  }

  /** Brings a stored snapshot into the rig's repository. Throws RelightError. */
  async fetch(
    rig: string,
    agent: string,
    snapshot: Snapshot,
  ): Promise<{ commit: string; meta: SnapshotMeta }> {
    const { git, worker, lifecycle } = this.#parts;
    const { generation, seq, sha256 } = snapshot;
    const file = this.#fileOf(rig, agent, `${generation}-${seq}`);
    // One of a control server that was killed; it could be a link by now.
    await rm(file, { force: true });
    try {
      await worker.download({ life: lifecycle.life, rig, agent, generation, seq }, file);
      if ((await sha256Of(file)) !== sha256) {
        throw new RelightError(
          'snapshot_corrupt',
          `snapshot ${generation}/${seq} arrived with another checksum`,
        );
      }
      return await readBundle(git, rig, file);
    } finally {
      await rm(file, { force: true });
    }
  }

  async #lastingCommits(rig: string, agentBranches: ReadonlySet<string>): Promise<string[]> {
    const { git } = this.#parts;
    const refs = await readLocalRefs(git, repoDir(git.workspace, rig), {});
    const moving = new Set([...agentBranches].map(trackingRef));
    return [...refs].flatMap(([ref, commit]) =>
      ref.startsWith(trackingRef('')) && !moving.has(ref) ? [commit] : [],
    );
  }

  #fileOf(rig: string, agent: string, name: string | number): string {
    return join(ownDir(this.#parts.git.workspace, rig), `${agent}.${name}.bundle`);
  }
}
