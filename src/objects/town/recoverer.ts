import type { RigReportMessage } from '../../contract/callbacks.ts';
import { codeOf, faultOf, RelightError } from '../../contract/errors.ts';
import type { Fault } from '../../contract/errors.ts';
import type { Life } from '../../contract/ids.ts';
import type { Recovery, RigReport } from '../../contract/recovery.ts';
import { logEvent, logTrouble } from '../../platform/log.ts';
import { isInstanceGone } from '../../platform/platform-errors.ts';
import { rigReadyEvent } from '../../rules/event-type.ts';
import { RECOVERY_WATCH_MS } from '../../rules/watch.ts';
import { containerOf, rigOf } from '../reach.ts';
import { verdictOf } from '../verdicts.ts';
import type { OpenRequest, Opened, RigToRestore } from '../verdicts.ts';
import { wakeAt } from '../wake-at.ts';
import { acceptBoot, admitLife } from './boots.ts';
import { noteStarted } from './container-start.ts';
import type { TownCore } from './core.ts';
import * as recoveries from './recoveries.ts';
import type { RecoveryRow } from './recoveries.ts';
import { rigRow, rigRows, townRow, updateTown } from './registry.ts';
import { describeTown } from './view.ts';

/** The Town's side of a recovery: accepts the boot, fences older ones, keeps the record. */
export class Recoverer {
  readonly #core: TownCore;

  constructor(core: TownCore) {
    this.#core = core;
  }

  /**
   * Accepts the boot if it is the one that runs now: a Workflow instance can be restarted long after its boot is over.
   * Throws RelightError `unknown_town`, or `control_unreachable` while the container does not answer.
   */
  async open({ recoveryId, bootId, trigger, rigs }: OpenRequest): Promise<Opened> {
    const { env, town, db, feed, storage } = this.#core;
    townRow(db, town);
    const { running, health } = await containerOf(env, town).look();
    if (running && health === null)
      throw new RelightError('control_unreachable', 'the container does not answer');
    if (health?.bootId !== bootId) return { state: 'superseded' };
    const now = Date.now();
    const { boot, isNew } = acceptBoot(db, bootId, now);
    if (isNew) noteStarted(db, bootId);
    const { generation } = boot;
    for (const over of recoveries.supersedeBefore(db, generation, now)) void this.#endWaits(over);
    recoveries.openRecovery(db, { recoveryId, bootId, generation, trigger }, now);
    updateTown(db, {
      startingSince: null,
      nextStartAt: null,
      launchTries: 0,
      nextLaunchAt: null,
      fault: null,
    });
    if (isNew) feed.publish({ kind: 'boot', bootId, generation });
    feed.publish({ kind: 'recovery', recoveryId, generation, trigger, status: 'running' });
    feed.publish({ kind: 'town', state: 'recovering', fault: null });
    logEvent('recovery.opened', { town, recoveryId, bootId, generation, trigger });
    await wakeAt(storage, now + RECOVERY_WATCH_MS);
    const life = { bootId, generation };
    return { state: 'open', life, rigs: await this.#readRegistry(recoveryId, life, rigs) };
  }

  /** Moves every Rig into the generation and lists those with active agents, or those that were asked for. */
  async #readRegistry(
    recoveryId: string,
    life: Life,
    only: readonly string[] | null,
  ): Promise<RigToRestore[]> {
    const { env, town, db } = this.#core;
    const entered = await Promise.all(
      rigRows(db).map(async ({ rig }): Promise<RigToRestore> => {
        try {
          return { rig, agents: await rigOf(env, town, rig).enterGeneration(life) };
        } catch (error) {
          logTrouble('rig.not_entered', error, { town, rig, recoveryId });
          return { rig, agents: null };
        }
      }),
    );
    const rigs = entered.filter(({ rig, agents }) => agents !== 0 && (only === null || only.includes(rig)));
    recoveries.expectRigs(
      db,
      recoveryId,
      rigs.map(({ rig }) => rig),
    );
    return rigs;
  }

  /** Takes the report of a restore: first the record, then the Rig, last the event, so that who waits finds it all. */
  async rigReported({ life, recoveryId, event, report }: RigReportMessage): Promise<void> {
    const { env, town, db, feed } = this.#core;
    admitLife(db, life);
    rigRow(db, report.rig);
    if (recoveryId !== null) recoveries.saveReport(db, recoveryId, report, Date.now());
    for (const phase of report.phases) feed.publish({ kind: 'phase', recoveryId, rig: report.rig, phase });
    await rigOf(env, town, report.rig).reported(life, recoveryId, report);
    logEvent('rig.reported', { town, rig: report.rig, status: report.status, agents: report.agents.length });
    if (recoveryId !== null && event !== null) await this.#sendEvent(recoveryId, event, report);
  }

  /** The Workflow gave a rig up: the record and the Rig both say why. */
  async rigFailed(recoveryId: string, life: Life, rig: string, fault: Fault): Promise<void> {
    const { env, town, db } = this.#core;
    const superseded = fault.code === 'stale_generation' || fault.code === 'stale_boot';
    recoveries.failRig(db, { recoveryId, rig }, superseded ? 'superseded' : 'failed', fault);
    if (superseded) return;
    try {
      await rigOf(env, town, rig).restoreFailed(life, fault);
    } catch (error) {
      if (!isOver(error)) throw error;
      logTrouble('rig.failure_unwanted', error, { town, rig, recoveryId });
    }
  }

  /** Ends the recovery; null where there is no record of it. */
  close(recoveryId: string): Recovery | null {
    const { town, db, feed } = this.#core;
    const recovery = recoveries.finishRecovery(db, recoveryId, Date.now());
    if (recovery === null) return null;
    const { generation, trigger, status, startedAt, finishedAt, overheadMs } = recovery;
    feed.publish({ kind: 'recovery', recoveryId, generation, trigger, status });
    const { state, fault } = describeTown(this.#core);
    feed.publish({ kind: 'town', state, fault });
    logEvent('recovery.closed', {
      town,
      recoveryId,
      generation,
      status,
      ms: (finishedAt ?? 0) - startedAt,
      overheadMs,
    });
    return recovery;
  }

  /**
   * Nobody will report to a recovery of a boot that is over: what it waits for comes from here. A wait that is missed ends by
   * itself.
   */
  async #endWaits({ recoveryId, generation }: RecoveryRow): Promise<void> {
    const { db, town, env } = this.#core;
    const fault = faultOf('stale_generation', `generation ${generation} is over`);
    try {
      const instance = await env.RECOVERY.get(recoveryId);
      for (const { rig, wait } of recoveries.waitsOf(db, recoveryId))
        await instance.sendEvent({ type: rigReadyEvent(rig, wait), payload: { fault, isPartial: false } });
    } catch (error) {
      logTrouble('recovery.waits_on', error, { town, recoveryId });
    }
  }

  /** An instance that has ended needs no event; any other trouble throws, so that the report is sent again. */
  async #sendEvent(recoveryId: string, type: string, report: RigReport): Promise<void> {
    const { rig } = report;
    try {
      const instance = await this.#core.env.RECOVERY.get(recoveryId);
      await instance.sendEvent({ type, payload: verdictOf(report) });
    } catch (error) {
      if (!isInstanceGone(error)) throw error;
      logTrouble('recovery.event_unwanted', error, { recoveryId, rig, type });
    }
  }
}

/** The rig was removed, or has gone on to a later generation: nobody waits for the news. */
function isOver(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'unknown_rig' || code === 'stale_generation';
}
