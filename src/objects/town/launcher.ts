import { faultOf } from '../../contract/errors.ts';
import { bootRecoveryId, launchRecovery } from '../../platform/launch.ts';
import { logEvent, logTrouble } from '../../platform/log.ts';
import { isInstanceGone } from '../../platform/platform-errors.ts';
import { endlessWaitMs } from '../../rules/backoff.ts';
import { BACKOFFS } from '../../rules/failure-policy.ts';
import { isNudgeNews, MAX_RECOVERY_RESTARTS } from '../../rules/watch.ts';
import type { Nudge } from '../../rules/watch.ts';
import type { TownCore } from './core.ts';
import { abandonRecovery, finishRecovery, noteRestart } from './recoveries.ts';
import type { RecoveryRow } from './recoveries.ts';
import { townRow, updateTown } from './registry.ts';
import { describeTown } from './view.ts';

/** Event that wakes a Workflow instance whose engine forgot it; no step waits for it. */
const NUDGE_EVENT = 'nudge';

/** Sees to it that each boot gets its recovery, and that each recovery comes to an end. */
export class Launcher {
  readonly #core: TownCore;
  /** Not in the tables: after a reset of this object the engine may have been reset as well. */
  #nudged: Nudge | null = null;

  constructor(core: TownCore) {
    this.#core = core;
  }

  /**
   * Launches the recovery of a boot that has none. If it was launched and did not open, it is started over, because the
   * same instance cannot be created twice. What the engine refuses is kept as the town's fault, and is tried again.
   */
  async launch(bootId: string): Promise<void> {
    const { env, town, db, feed } = this.#core;
    const recoveryId = bootRecoveryId(bootId);
    const launchTries = townRow(db, town).launchTries + 1;
    const nextLaunchAt = Date.now() + endlessWaitMs(BACKOFFS.launch, launchTries, Math.random());
    // Before the try, so that one that is cut off counts as well.
    updateTown(db, { launchTries, nextLaunchAt });
    try {
      const params = { town, bootId, trigger: 'watchdog' as const, rigs: null };
      if (!(await launchRecovery(env.RECOVERY, recoveryId, params))) await this.#startOver(recoveryId);
    } catch (error) {
      logTrouble('recovery.not_launched', error, { town, recoveryId, launchTries });
      updateTown(db, { fault: faultOf('workflow_failed', `recovery not launched: ${String(error)}`) });
      const { state, fault } = describeTown(this.#core);
      feed.publish({ kind: 'town', state, fault });
    }
  }

  /**
   * Looks at a recovery that stands still, and wakes it now and then. One that has failed is started over, one that cannot
   * go on is closed.
   */
  async nudge(row: RecoveryRow): Promise<void> {
    const { recoveryId, restarts } = row;
    const { env, db } = this.#core;
    const now = Date.now();
    try {
      const instance = await env.RECOVERY.get(recoveryId);
      const { status, error } = await instance.status();
      if (status === 'complete') finishRecovery(db, recoveryId, now);
      else if (status === 'terminated') this.#abandon(row, 'its Workflow instance was terminated');
      else if (status !== 'errored') await this.#wake(instance, row, now);
      else if (restarts >= MAX_RECOVERY_RESTARTS) this.#abandon(row, error?.message ?? 'no reason given');
      else {
        noteRestart(db, recoveryId, restarts + 1, now);
        await instance.restart();
      }
    } catch (error) {
      if (!isInstanceGone(error)) throw error;
      this.#abandon(row, 'its Workflow instance is gone');
    }
  }

  async #wake(instance: WorkflowInstance, row: RecoveryRow, now: number): Promise<void> {
    const { recoveryId } = row;
    if (!isNudgeNews(row, this.#nudged, now)) return;
    await instance.sendEvent({ type: NUDGE_EVENT, payload: null });
    this.#nudged = { recoveryId, at: now };
    logEvent('recovery.nudged', { town: this.#core.town, recoveryId });
  }

  async #startOver(recoveryId: string): Promise<void> {
    const instance = await this.#core.env.RECOVERY.get(recoveryId);
    const { status } = await instance.status();
    logEvent('recovery.not_opened', { town: this.#core.town, recoveryId, status });
    const hasEnded = status === 'complete' || status === 'errored' || status === 'terminated';
    await (hasEnded ? instance.restart() : instance.sendEvent({ type: NUDGE_EVENT, payload: null }));
  }

  /** The Rigs go on by themselves: a restore that nobody waits for any more is asked for again by its Rig. */
  #abandon({ recoveryId, generation, trigger }: RecoveryRow, why: string): void {
    const { db, feed, town } = this.#core;
    const reason = `${why}; rigs that are not ready restore themselves, and a replay by hand does it at once`;
    const fault = faultOf('workflow_failed', reason);
    abandonRecovery(db, recoveryId, fault, Date.now());
    logEvent('recovery.abandoned', { town, recoveryId, why });
    feed.publish({ kind: 'recovery', recoveryId, generation, trigger, status: 'failed' });
    const view = describeTown(this.#core);
    feed.publish({ kind: 'town', state: view.state, fault: view.fault });
  }
}
