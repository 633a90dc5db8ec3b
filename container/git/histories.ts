import pLimit from 'p-limit';
import pRetry from 'p-retry';
import type { RestoreRequest } from '../../src/contract/control.ts';
import { errorFacts, log } from '../log.ts';
import { repoDir } from './layout.ts';
import { completeHistory, isPartial } from './partial-clone.ts';
import type { Git } from './run-git.ts';

/** Until a host that is away has to be back, about: nobody waits, and agents fetch what they need by themselves. */
const RETRIES = { retries: 8, minTimeout: 5_000, maxTimeout: 10 * 60_000, randomize: true };

/** Completes the histories of rigs in the background, one after the other: agents come first. */
export class Histories {
  readonly #git: Git;
  readonly #turn = pLimit(1);
  readonly #busy = new Set<string>();

  constructor(git: Git) {
    this.#git = git;
  }

  /** Completes what the restore of a rig left out, unless that is what the operator wants. Failure is logged. */
  complete(rig: string, { history, credential }: RestoreRequest, signal: AbortSignal | undefined): void {
    if (history !== 'full' || this.#busy.has(rig) || signal?.aborted === true) return;
    this.#busy.add(rig);
    void this.#turn(async () => {
      try {
        const repo = repoDir(this.#git.workspace, rig);
        if (!isPartial(repo)) return;
        const began = performance.now();
        const command = { credentialsOf: credential ? rig : null, signal };
        await pRetry(async () => completeHistory(this.#git, repo, command), {
          ...RETRIES,
          ...(signal === undefined ? {} : { signal }),
        });
        log.info('history.complete', { rig, ms: Math.round(performance.now() - began) });
      } catch (error) {
        if (signal?.aborted !== true) log.warn('history.incomplete', { rig, ...errorFacts(error) });
      } finally {
        this.#busy.delete(rig);
      }
    });
  }
}
