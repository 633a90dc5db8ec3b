import type { AgentSighting } from '../../contract/control.ts';
import { faultOf } from '../../contract/errors.ts';
import type { Life } from '../../contract/ids.ts';
import { logTrouble } from '../../platform/log.ts';
import { PATROL_INTERVAL_MS, planDispatch, restoreBackoffMs } from '../../rules/dispatch.ts';
import type { DispatchPlan } from '../../rules/dispatch.ts';
import { townOf } from '../reach.ts';
import { wakeAt } from '../wake-at.ts';
import { settle } from './aftermath.ts';
import type { RigCore } from './core.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Herald } from './herald.ts';
import { lifeOf, ownRow, updateOwn } from './life.ts';
import { agentRows, moveAgent } from './roster.ts';

/** What the patrol has done by others. */
export interface PatrolParts {
  readonly dispatcher: Dispatcher;
  readonly herald: Herald;
  /** Asks for the worktrees of all active agents, outside a recovery. */
  restore(life: Life): Promise<unknown>;
  /** Compares the roster with all agents that the control server has. */
  takeSightings(life: Life, sightings: readonly AgentSighting[]): Promise<void>;
}

/** What the Rig's alarm does: dispatches pending agents, and looks after running ones. */
export class Patrol {
  readonly #core: RigCore;
  readonly #parts: PatrolParts;

  constructor(core: RigCore, parts: PatrolParts) {
    this.#core = core;
    this.#parts = parts;
  }

  /** Carries out what is due, and sets the alarm for what comes next. Never throws. */
  async run(): Promise<void> {
    const { db, town, rig } = this.#core;
    const own = ownRow(db, rig);
    const plan = planDispatch(own, agentRows(db), Date.now());
    try {
      await this.#carryOut(plan, lifeOf(own));
    } catch (error) {
      // A throw would end the alarms after a few tries, and the agents would wait for ever.
      logTrouble('rig.dispatch_failed', error, { town, rig });
    }
    if (!(await settle(this.#core))) await this.wakeAt(Date.now() + PATROL_INTERVAL_MS);
    const { nextAt } = planDispatch(ownRow(db, rig), agentRows(db), Date.now());
    if (nextAt !== null) await this.wakeAt(nextAt);
  }

  /** Brings the alarm forward to `at`; an earlier one stays. */
  async wakeAt(at: number): Promise<void> {
    await wakeAt(this.#core.ctx.storage, at);
  }

  async #carryOut({ restore, start, askAbout, nextAt }: DispatchPlan, life: Life | null): Promise<void> {
    if (life === null) {
      if (nextAt !== null) await townOf(this.#core.env, this.#core.town).askForLight();
      return;
    }
    if (restore.length > 0) await this.#restoreNow(life);
    await Promise.all(start.map((agent) => this.#startNow(agent, life)));
    if (askAbout.length > 0) await this.#askNow(askAbout, life);
  }

  async #restoreNow(life: Life): Promise<void> {
    try {
      await this.#parts.restore(life);
    } catch (error) {
      logTrouble('rig.restore_not_asked', error, { town: this.#core.town, rig: this.#core.rig });
      const restoreTries = ownRow(this.#core.db, this.#core.rig).restoreTries + 1;
      const restoreNotBefore = Date.now() + restoreBackoffMs(restoreTries, Math.random());
      updateOwn(this.#core.db, { state: 'dark', restoringSince: null, restoreTries, restoreNotBefore });
    }
  }

  async #startNow(agent: string, life: Life): Promise<void> {
    await this.#parts.dispatcher.start(agent, life);
    this.#parts.herald.tellAgent(agent);
  }

  /** Nobody answers: the agents stay as they are, but `stalled` says that nobody has heard of them. */
  async #askNow(agents: readonly string[], life: Life): Promise<void> {
    const { db, town, rig } = this.#core;
    try {
      const seen = await this.#parts.dispatcher.look(life);
      for (const agent of agents) {
        if (seen.some((sighting) => sighting.agent === agent)) continue;
        const change = { status: 'pending', startId: null } as const;
        if (moveAgent(db, agent, { from: ['starting'] }, change)) await this.wakeAt(Date.now());
      }
      await this.#parts.takeSightings(life, seen);
    } catch (error) {
      logTrouble('agents.not_seen', error, { town, rig });
      const fault = faultOf(
        'control_unreachable',
        'no heartbeat names it, and the control server does not answer',
      );
      for (const agent of agents) moveAgent(db, agent, { from: ['working'] }, { status: 'stalled', fault });
    }
    for (const agent of agents) this.#parts.herald.tellAgent(agent);
  }
}
