import pLimit from 'p-limit';
import { faultOf, RelightError } from '../../contract/errors.ts';
import type { BootView } from '../../contract/town.ts';
import { logEvent, logTrouble } from '../../platform/log.ts';
import { endlessWaitMs } from '../../rules/backoff.ts';
import { BACKOFFS } from '../../rules/failure-policy.ts';
import {
  countDeath,
  CRASH_LOOP_DEATHS,
  deathBackoffMs,
  noteCheck,
  planWatch,
  recentWedges,
  RECOVERY_WATCH_MS,
  wedgeRestartAt,
} from '../../rules/watch.ts';
import type { WatchPlan } from '../../rules/watch.ts';
import { containerOf, rigOf } from '../reach.ts';
import { wakeAt } from '../wake-at.ts';
import { endNewestBoot, newestBoot } from './boots.ts';
import type { TownCore } from './core.ts';
import { Launcher } from './launcher.ts';
import { recoveredAt, runningRecovery } from './recoveries.ts';
import type { RecoveryRow } from './recoveries.ts';
import { rigRows, townRow, updateTown } from './registry.ts';
import type { TownRow } from './registry.ts';
import { describeTown } from './view.ts';

/** How a boot has ended that the operator killed. */
const KILLED = 'killed by the operator';

/** Keeps the container alive while it is wanted, and sees to it that each boot gets its recovery. */
export class Watchdog {
  readonly #core: TownCore;
  readonly #launcher: Launcher;
  /** One tick at a time: two would both find the container dark and both count its death. */
  readonly #oneAtATime = pLimit(1);
  /** How the container ended, where the platform has said so. */
  #exit: string | null = null;
  /** While the operator kills the container: the platform tells of its end as of any other. */
  #isKilling = false;

  constructor(core: TownCore) {
    this.#core = core;
    this.#launcher = new Launcher(core);
  }

  /** The Town's alarm: looks, acts, and sets the time of the next look. A throw would end the alarms after a few tries, so that nobody watched any more. */
  async watch(): Promise<void> {
    try {
      await this.#oneAtATime(() => this.#tick());
    } catch (error) {
      logTrouble('watchdog.tick_failed', error, { town: this.#core.town });
      await wakeAt(this.#core.storage, Date.now() + RECOVERY_WATCH_MS);
    }
  }

  /** Looks again at once. */
  async wake(): Promise<void> {
    await wakeAt(this.#core.storage, Date.now());
  }

  /** Looks again before long. */
  async wakeSoon(): Promise<void> {
    await wakeAt(this.#core.storage, Date.now() + RECOVERY_WATCH_MS);
  }

  /**
   * Takes the news of how the container ended. Who brings it may be the container itself, on its way up in a start that a
   * look is waiting for: then the news waits for the next look, and the container does not wait for it.
   */
  async takeExit(exit: string): Promise<void> {
    this.#exit = exit;
    await (this.#oneAtATime.activeCount > 0 ? this.wake() : this.watch());
  }

  /** Kills the container for the operator: no death is counted. Throws RelightError `control_wedged`. */
  async kill(): Promise<void> {
    const { env, town } = this.#core;
    this.#isKilling = true;
    try {
      await containerOf(env, town).endBoot('kill');
      await this.#markEnded(KILLED);
    } finally {
      this.#isKilling = false;
    }
  }

  /** Starts the container now. Throws RelightError `container_unavailable`, after noting when it is tried again. */
  async start(): Promise<{ bootId: string }> {
    const { env, town, db, storage } = this.#core;
    const row = townRow(db, town);
    updateTown(db, { startingSince: Date.now(), launchTries: 0, nextLaunchAt: null });
    this.#core.feed.publish({ kind: 'town', state: 'starting', fault: null });
    try {
      const boot = await containerOf(env, town).startBoot({
        drainSeconds: row.settings.drainSeconds,
        origin: row.origin,
      });
      updateTown(db, { startingSince: null, nextStartAt: null });
      // Both launches of its recovery may have been missed.
      await wakeAt(storage, Date.now() + RECOVERY_WATCH_MS);
      return boot;
    } catch (error) {
      await wakeAt(storage, this.#startFailed(error));
      throw error;
    }
  }

  async #tick(): Promise<void> {
    const { env, town, db, storage } = this.#core;
    const { running, starting, health } = await containerOf(env, town).look();
    const row = this.#noteCheck(running, health !== null);
    // A start that went with its objects is under way no more.
    if (!running && !starting && row.startingSince !== null) updateTown(db, { startingSince: null });
    const boot = newestBoot(db);
    const recovery = runningRecovery(db);
    const plan = planWatch(
      {
        container: { running, starting, bootId: health?.bootId ?? null },
        currentBoot: boot && { bootId: boot.bootId, ended: boot.endedAt !== null },
        recovery,
        wanted: !running && !row.heldDown && (await this.#hasWork()),
        nextStartAt: row.nextStartAt,
        nextLaunchAt: row.nextLaunchAt,
        wedgedAt: row.wedgedAt,
        wedgeRestarts: row.wedgeRestarts,
      },
      Date.now(),
    );
    if (health !== null && health.bootId === boot?.bootId && boot.endedAt === null) this.#noteStarted(row);
    if (plan.markEnded) await this.#markEnded(this.#exit ?? (running ? 'wedged' : 'found dead'));
    this.#exit = null;
    await this.#carryOut(plan, health?.bootId ?? null, recovery);
    if (plan.nextAt !== null) await wakeAt(storage, this.#nextLook(plan.nextAt));
  }

  /** Keeps how the health check went, and says so while the container does not answer. */
  #noteCheck(running: boolean, answered: boolean): TownRow {
    const { db, town, feed } = this.#core;
    const row = townRow(db, town);
    const now = Date.now();
    const silence = noteCheck(row, answered || !running, now);
    const { wedgedAt } = silence;
    if (row.failedChecks === silence.failedChecks) return row;
    updateTown(db, silence);
    if (wedgedAt === row.wedgedAt) return townRow(db, town);
    const endsAt = wedgedAt === null ? null : wedgeRestartAt(wedgedAt, row.wedgeRestarts, now);
    const ends = `it is ended and started again at ${new Date(endsAt ?? 0).toISOString()} unless it comes round`;
    const isOver = wedgedAt === null && row.fault?.code === 'control_wedged';
    if (wedgedAt !== null) updateTown(db, { fault: faultOf('control_wedged', `no answer; ${ends}`) });
    if (isOver) updateTown(db, { fault: null });
    const { state, fault } = describeTown(this.#core);
    feed.publish({ kind: 'town', state, fault });
    return townRow(db, town);
  }

  /** The boot is there and accepted: a start that failed all the same, as when its answer was lost, was none that failed. */
  #noteStarted({ fault }: TownRow): void {
    if (fault?.code !== 'container_unavailable') return;
    const { db, feed } = this.#core;
    updateTown(db, { fault: null, nextStartAt: null });
    feed.publish({ kind: 'town', state: describeTown(this.#core).state, fault: null });
  }

  /** The next look starts it again, if it is wanted. One that cannot be ended is tried again like one that is not. */
  async #endWedged(): Promise<void> {
    const { env, town, db } = this.#core;
    const now = Date.now();
    const recent = recentWedges(townRow(db, town).wedgeRestarts, now);
    updateTown(db, { wedgeRestarts: [...recent, now], failedChecks: 0, wedgedAt: null });
    logEvent('container.wedged', { town, restarts: recent.length + 1 });
    await containerOf(env, town).endBoot('kill');
    await this.wake();
  }

  /** A start or launch that just failed has set its own time; one that is past says nothing any more. */
  #nextLook(planned: number): number {
    const { nextStartAt, nextLaunchAt } = townRow(this.#core.db, this.#core.town);
    const own = [nextStartAt, nextLaunchAt].filter((at) => at !== null && at > Date.now());
    return Math.min(planned, ...own.map((at) => at ?? planned));
  }

  async #carryOut({ act }: WatchPlan, bootId: string | null, recovery: RecoveryRow | null): Promise<void> {
    try {
      if (act === 'start') await this.start();
      if (act === 'restart') await this.#endWedged();
      if (act === 'launch' && bootId !== null) await this.#launcher.launch(bootId);
      if (act === 'nudge' && recovery !== null) await this.#launcher.nudge(recovery);
    } catch (error) {
      logTrouble(`watchdog.${act}_failed`, error, { town: this.#core.town });
    }
  }

  /** Whether any agent is hooked. A Rig that cannot be asked counts as work: unknown is not none. */
  async #hasWork(): Promise<boolean> {
    const { env, town, db } = this.#core;
    const counts = await Promise.allSettled(
      rigRows(db).map(({ rig }) => rigOf(env, town, rig).activeAgents()),
    );
    return counts.some((count) => count.status === 'rejected' || count.value > 0);
  }

  async #markEnded(found: string): Promise<void> {
    const { db, town, feed } = this.#core;
    const now = Date.now();
    const exit = this.#isKilling ? KILLED : found;
    const boot = endNewestBoot(db, exit, now);
    if (boot === null) return;
    const deaths = this.#isKilling
      ? 0
      : countDeath(townRow(db, town).deaths, recoveredAt(db, boot.generation), now);
    const looping = deaths >= CRASH_LOOP_DEATHS;
    const fault = looping
      ? faultOf('container_crash_loop', `died ${deaths} times in a row, last: ${exit}`)
      : null;
    updateTown(db, { deaths, fault, nextStartAt: now + deathBackoffMs(deaths), startingSince: null });
    feed.publish({ kind: 'container.stopped', exit });
    feed.publish({ kind: 'town', state: looping ? 'degraded' : 'dark', fault });
    logEvent('boot.ended', { town, bootId: boot.bootId, generation: boot.generation, exit, deaths });
    await this.#darken(boot);
  }

  /** Tells the Rigs that no agent of theirs runs any more. A Rig that misses it learns it from the next generation. */
  async #darken({ bootId, generation }: BootView): Promise<void> {
    const { env, town, db } = this.#core;
    const life = { bootId, generation };
    const told = await Promise.allSettled(
      rigRows(db).map(({ rig }) => rigOf(env, town, rig).leaveGeneration(life)),
    );
    for (const result of told) {
      if (result.status === 'rejected') logTrouble('rig.not_told', result.reason, { town });
    }
  }

  /** Keeps the reason, and gives the time of the next try. */
  #startFailed(error: unknown): number {
    const { db, town, feed } = this.#core;
    const deaths = townRow(db, town).deaths + 1;
    const reason = error instanceof Error ? error.message : String(error);
    const fault = faultOf(error instanceof RelightError ? error.code : 'container_unavailable', reason);
    const nextStartAt = Date.now() + endlessWaitMs(BACKOFFS.containerStart, deaths, Math.random());
    updateTown(db, { deaths, fault, nextStartAt, startingSince: null });
    feed.publish({ kind: 'town', state: 'degraded', fault });
    return nextStartAt;
  }
}
