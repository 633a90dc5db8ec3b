import { dirname, join } from 'node:path';
import { Id } from '../../src/contract/ids.ts';
import { cacheDir, homeDir, primeDir } from '../agents/places.ts';
import type { Supervisor } from '../agents/supervisor.ts';
import { removeTree } from '../files/write.ts';
import { agentsDir, repoDir, rigDir } from '../git/layout.ts';
import { inTurn } from '../git/turns.ts';
import { namesIn } from '../git/worktree-registry.ts';
import { errorFacts, log } from '../log.ts';
import type { Restores } from '../restores.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';

/** What tells whether a rig is still in use. */
export interface ErasedRigsParts {
  readonly workspace: string;
  readonly restores: Pick<Restores, 'askedFor' | 'forget'>;
  readonly supervisor: Pick<Supervisor, 'isLive'>;
  readonly snapshots: Pick<Snapshots, 'isKept' | 'discard'>;
}

/** The rigs that have something on disk, each with how often its restore had been asked for by then. */
export type RigsOnDisk = ReadonlyMap<string, number>;

/**
 * Takes rigs that the town no longer has off the disk. The Worker is asked about those that are there; a rig whose restore
 * was asked for since then is one that was registered again, and stays, however late the answer is.
 */
export class ErasedRigs {
  readonly #parts: ErasedRigsParts;
  readonly #busy = new Set<string>();

  constructor(parts: ErasedRigsParts) {
    this.#parts = parts;
  }

  /** The rigs to ask about; none where the disk cannot be read now. */
  async onDisk(): Promise<RigsOnDisk> {
    const { workspace, restores } = this.#parts;
    try {
      const names = await namesIn(dirname(rigDir(workspace, 'any')));
      const rigs = names.filter((name) => Id.safeParse(name).success);
      return new Map(rigs.map((rig) => [rig, restores.askedFor(rig)]));
    } catch (error) {
      log.warn('rigs.not-listed', errorFacts(error));
      return new Map();
    }
  }

  /** Removes one of them that the town does not have, once none of its agents runs. Never throws. */
  async remove(rig: string, seen: RigsOnDisk): Promise<void> {
    const { workspace, restores } = this.#parts;
    if (this.#busy.has(rig)) return;
    this.#busy.add(rig);
    try {
      await inTurn(repoDir(workspace, rig), async () => {
        if (restores.askedFor(rig) !== seen.get(rig) || !(await this.#isQuiet(rig))) return;
        restores.forget(rig);
        // One by one, since each agent's belong to a user of their own.
        for (const folder of [agentsDir(workspace, rig), dirname(homeDir(workspace, rig, 'any'))]) {
          for (const agent of await namesIn(folder)) await removeTree(join(folder, agent));
          await removeTree(folder);
        }
        await removeTree(primeDir(workspace, rig));
        await removeTree(cacheDir(workspace, rig));
        for (const name of await namesIn(rigDir(workspace, rig)))
          await removeTree(join(rigDir(workspace, rig), name));
        await removeTree(rigDir(workspace, rig));
        log.info('rig.removed', { rig });
      });
    } catch (error) {
      log.warn('rig.not-removed', { rig, ...errorFacts(error) });
    } finally {
      this.#busy.delete(rig);
    }
  }

  /** Whether nothing of the rig runs. What is still kept safe is so no longer, and is gone when it is asked about again. */
  async #isQuiet(rig: string): Promise<boolean> {
    const { workspace, supervisor, snapshots } = this.#parts;
    const agents = await namesIn(agentsDir(workspace, rig));
    if (agents.some((agent) => supervisor.isLive(rig, agent))) return false;
    const kept = agents.filter((agent) => snapshots.isKept(rig, agent));
    for (const agent of kept) snapshots.discard(rig, agent);
    return kept.length === 0;
  }
}
