import type { Change } from '../../contract/changes.ts';
import { logTrouble } from '../../platform/log.ts';
import { townOf } from '../reach.ts';
import type { RigCore } from './core.ts';
import { ownRow } from './life.ts';
import { activeRows, agentRow, agentRows, glanceAt } from './roster.ts';

/** Tells the Town what changed in the rig. */
export class Herald {
  readonly #core: RigCore;

  constructor(core: RigCore) {
    this.#core = core;
  }

  /** How many agents are hooked: the Town passes heartbeats on to Rigs that have any. Throws if it cannot be told. */
  async noteActive(): Promise<void> {
    const { env, town, rig, db } = this.#core;
    await townOf(env, town).noteActive(rig, activeRows(db).length);
  }

  /** An attempt failed, perhaps the last one. The count of a Town that misses it is one too low, which it stands. */
  async tellAttemptFailed(agent: string, bead: string): Promise<void> {
    const { env, town, rig, db } = this.#core;
    const isLast = agentRow(db, agent).status === 'failed';
    try {
      await townOf(env, town).noteAttemptFailed({ rig, agent, bead, isLast });
    } catch (error) {
      logTrouble('attempt.not_told', error, { town, rig, agent });
    }
  }

  tellAll(): void {
    this.tellRig();
    for (const { agent } of agentRows(this.#core.db)) this.tellAgent(agent);
  }

  tellRig(): void {
    const { db, rig } = this.#core;
    const { state, fault } = ownRow(db, rig);
    this.tell({ kind: 'rig', rig, state, fault });
  }

  tellAgent(agent: string): void {
    const { db, rig } = this.#core;
    this.tell({ kind: 'agent', rig, agent: glanceAt(agentRow(db, agent)) });
  }

  /** The feed is for watching: a change that it misses is still in the roster. */
  tell(change: Change): void {
    const { ctx, env, town, rig } = this.#core;
    const told = townOf(env, town).publish(change);
    ctx.waitUntil(
      told.catch((error: unknown) => logTrouble('feed.missed', error, { town, rig, kind: change.kind })),
    );
  }
}
