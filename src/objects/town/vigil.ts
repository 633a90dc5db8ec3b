import type { Announcement, Heartbeat, HeartbeatAnswer, Standing } from '../../contract/callbacks.ts';
import { CONTROL } from '../../contract/control.ts';
import type { AgentSighting } from '../../contract/control.ts';
import { RelightError } from '../../contract/errors.ts';
import type { Life } from '../../contract/ids.ts';
import type { ContainerAction } from '../../contract/town.ts';
import { bootRecoveryId, launchRecovery } from '../../platform/launch.ts';
import { logTrouble } from '../../platform/log.ts';
import type { TokenOrigin } from '../../rules/container-token.ts';
import { callControl } from '../control-client.ts';
import { containerOf, rigOf } from '../reach.ts';
import { currentLife, isFencedOff, newestBoot, seeBoot } from './boots.ts';
import { admitToken } from './container-start.ts';
import type { TownCore } from './core.ts';
import { rigRows, townRow, updateTown } from './registry.ts';
import type { StartGate } from './start-gate.ts';
import type { Watchdog } from './watchdog.ts';

/** What the container says of itself, and what the operator wants of it. */
export class Vigil {
  readonly #core: TownCore;
  readonly #watchdog: Watchdog;
  readonly #gate: StartGate;

  constructor(core: TownCore, parts: { watchdog: Watchdog; gate: StartGate }) {
    this.#core = core;
    this.#watchdog = parts.watchdog;
    this.#gate = parts.gate;
  }

  async announce({ bootId }: Announcement, token: TokenOrigin): Promise<Standing> {
    const life = this.#lifeOf(bootId, token);
    if (life === null) {
      await this.#launch(bootId);
    }
    return { generation: life?.generation ?? null };
  }

  async heartbeat({ bootId, agents, disk, rigs }: Heartbeat, token: TokenOrigin): Promise<HeartbeatAnswer> {
    const { env, town, db } = this.#core;
    const life = this.#lifeOf(bootId, token);
    if (life === null) return { generation: null, erased: [] };
    seeBoot(db, bootId, disk, Date.now());
    const byRig = Map.groupBy(agents, ({ rig }) => rig);
    const registered = new Set(rigRows(db).map(({ rig }) => rig));
    const listeners = rigRows(db).filter(({ rig, activeAgents }) => activeAgents > 0 || byRig.has(rig));
    const heard = listeners.map(({ rig }) => this.#tellRig(life, rig, byRig.get(rig) ?? []));
    const strays = agents.filter(({ rig, state }) => state !== 'exited' && !registered.has(rig));
    heard.push(...strays.map((stray) => this.#endStray(life, stray)));
    if (agents.some(({ state }) => state !== 'exited')) await containerOf(env, town).renew();
    await Promise.all(heard);
    await this.#gate.noteSeen(agents);
    const { generation } = life;
    // Not those of the beginning: one may have been registered since.
    const present = new Set(rigRows(db).map(({ rig }) => rig));
    return { generation, erased: rigs.filter((rig) => !present.has(rig)) };
  }

  async act(action: ContainerAction['action']): Promise<void> {
    const { env, town, db } = this.#core;
    townRow(db, town);
    // Somebody has looked: whatever was counted begins anew.
    const anew = { deaths: 0, nextStartAt: null, wedgeRestarts: [], launchTries: 0, nextLaunchAt: null };
    updateTown(db, { heldDown: action === 'stop', ...anew, fault: null });
    if (action === 'start') {
      await this.#watchdog.start();
      return;
    }
    await (action === 'kill' ? this.#watchdog.kill() : containerOf(env, town).endBoot('stop'));
    await this.#watchdog.wake();
  }

  async replay(rigs: readonly string[] | null): Promise<{ recoveryId: string }> {
    const { env, town, db } = this.#core;
    townRow(db, town);
    const { running, starting, health } = await containerOf(env, town).look();
    // One on its way up is waited for: what brings it back is the recovery of its boot.
    if (!running || (health === null && starting)) {
      updateTown(db, { heldDown: false });
      return { recoveryId: bootRecoveryId((await this.#watchdog.start()).bootId) };
    }
    if (health === null)
      throw new RelightError('control_unreachable', 'the container runs but does not answer');
    const recoveryId = `replay-${crypto.randomUUID()}`;
    await launchRecovery(env.RECOVERY, recoveryId, { town, bootId: health.bootId, trigger: 'replay', rigs });
    return { recoveryId };
  }

  /** What the engine refuses is the watchdog's to try again: were the boot to do so too, it would be asked twice as often. */
  async #launch(bootId: string): Promise<void> {
    const { env, town } = this.#core;
    try {
      const params = { town, bootId, trigger: 'boot' as const, rigs: null };
      await launchRecovery(env.RECOVERY, bootRecoveryId(bootId), params);
    } catch (error) {
      logTrouble('recovery.launch_missed', error, { town, bootId });
      await this.#watchdog.wakeSoon();
    }
  }

  /**
   * The life of a boot that speaks; null if it was not accepted yet. Throws RelightError `stale_generation`, and
   * `unauthorized` where the token is not for it.
   */
  #lifeOf(bootId: string, token: TokenOrigin): Life | null {
    const { db, town } = this.#core;
    townRow(db, town);
    admitToken(db, token, bootId);
    const isOver = newestBoot(db)?.bootId === bootId && currentLife(db) === null;
    if (isOver || isFencedOff(db, bootId))
      throw new RelightError('stale_generation', `boot ${bootId} is over`);
    const life = currentLife(db);
    return life?.bootId === bootId ? life : null;
  }

  /** Ends an agent whose rig was removed; it is tried again after each heartbeat that still names it. */
  async #endStray(life: Life, { rig, agent }: AgentSighting): Promise<void> {
    const { env, town } = this.#core;
    try {
      await callControl(env, { town, bootId: life.bootId }, CONTROL.stop, { rig, agent }, { life });
    } catch (error) {
      logTrouble('stray.not_ended', error, { town, rig, agent });
    }
  }

  async #tellRig(life: Life, rig: string, sightings: AgentSighting[]): Promise<void> {
    const { env, town } = this.#core;
    try {
      await rigOf(env, town, rig).heartbeat(life, sightings);
    } catch (error) {
      logTrouble('heartbeat.unheard', error, { town, rig });
    }
  }
}
