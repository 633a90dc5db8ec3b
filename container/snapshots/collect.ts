import { repoDir } from '../git/layout.ts';
import type { Git } from '../git/run-git.ts';
import { errorFacts, log } from '../log.ts';
import { runNamed } from './named-git.ts';

/** A snapshot leaves about ten small objects; after so many snapshots of a rig they are collected. */
const COLLECT_EVERY = 200;

/** Whatever was written shortly before may be about to be referred to, by a capture or by an agent's own git. */
const UNTOUCHED_FOR = '1.hour.ago';

/** What collecting leaves alone: it is about the objects of old snapshots, not about the agents' ways back. */
const SETTINGS = [
  'gc.reflogExpire=never',
  'gc.reflogExpireUnreachable=never',
  'gc.worktreePruneExpire=never',
  'gc.packRefs=false',
];

/**
 * Deletes the objects in a rig's repository that only dropped snapshots referred to, and packs the others. The largest
 * pack, that of the clone, is not rewritten (https://git-scm.com/docs/git-gc). Safe beside any other git. Throws git's
 * failure.
 */
export async function collectObjects(git: Git, rig: string, untouchedFor = UNTOUCHED_FOR): Promise<void> {
  const gitDir = repoDir(git.workspace, rig);
  const settings = SETTINGS.flatMap((setting) => ['-c', setting]);
  await runNamed(git, { gitDir }, [
    ...settings,
    'gc',
    '--quiet',
    '--keep-largest-pack',
    `--prune=${untouchedFor}`,
  ]);
}

/** Collects objects now and then; failure is logged, and the next time makes up for it. */
export class Collector {
  readonly #git: Git;
  readonly #snapshots = new Map<string, number>();
  #running: Promise<void> = Promise.resolve();

  constructor(git: Git) {
    this.#git = git;
  }

  /** One more snapshot of the rig was stored. */
  note(rig: string): void {
    const count = (this.#snapshots.get(rig) ?? 0) + 1;
    this.#snapshots.set(rig, count % COLLECT_EVERY);
    if (count === COLLECT_EVERY) this.#running = this.#running.then(async () => await this.#collect(rig));
  }

  async #collect(rig: string): Promise<void> {
    const began = performance.now();
    try {
      await collectObjects(this.#git, rig);
      log.info('snapshot.collected', { rig, ms: Math.round(performance.now() - began) });
    } catch (error) {
      log.warn('snapshot.not-collected', { rig, ...errorFacts(error) });
    }
  }
}
