import type { LogPart, LogPlace } from '../../contract/agent.ts';
import { CONTROL } from '../../contract/control.ts';
import type { AgentSighting, RestoreAnswer, WorktreePlan } from '../../contract/control.ts';
import { faultOf, RelightError } from '../../contract/errors.ts';
import type { Life } from '../../contract/ids.ts';
import type { RigReport } from '../../contract/recovery.ts';
import type { StartOrders } from '../../contract/rig.ts';
import { logEvent, logTrouble } from '../../platform/log.ts';
import { infraBackoffMs } from '../../rules/dispatch.ts';
import { callControl } from '../control-client.ts';
import type { ControlTarget } from '../control-client.ts';
import { agentOf, townOf } from '../reach.ts';
import { cacheOrders } from './caches.ts';
import type { RigCore } from './core.ts';
import { ownRow, updateOwn } from './life.ts';
import { activeRows, agentRow, agentRows, moveAgent, setAgent } from './roster.ts';

/** Which recovery a restore belongs to, and the event that its report ends a wait with; both null outside one. */
export interface RestoreOccasion {
  readonly recoveryId: string | null;
  readonly event: string | null;
}

/** The Rig's calls to the control server: restore worktrees, start and stop agents, ask how they are. */
export class Dispatcher {
  readonly #core: RigCore;

  constructor(core: RigCore) {
    this.#core = core;
  }

  /**
   * Asks for the worktrees of all active agents; the hooks are read now, so that finished work is not redone. Throws
   * RelightError: what the control server or the look-ups failed with.
   */
  async restore(life: Life, occasion: RestoreOccasion): Promise<RestoreAnswer> {
    const { env, town, rig, db } = this.#core;
    const spec = await townOf(env, town).rigSpec(rig);
    const agents = await this.#worktreePlans();
    if (agents.length === 0) return { state: 'finished', report: nothingToRestore(rig) };
    updateOwn(db, { state: 'restoring', restoringSince: Date.now(), fault: null });
    const { gitUrl, defaultBranch, setupCommand, history, sparse } = spec;
    const { refSpace, files } = ownRow(db, rig);
    const hooked = agentRows(db).flatMap(({ agent, bead }) => (bead === null ? [] : [agent]));
    return callControl(
      env,
      this.#target(life),
      CONTROL.restore,
      { rig },
      {
        life,
        ...occasion,
        gitUrl,
        defaultBranch,
        credential: spec.credential !== null,
        setupCommand,
        history,
        sparse,
        repoCache: await cacheOrders(this.#core, spec),
        snapshots: { ...spec.snapshots, refSpace },
        agents,
        hooked,
        files,
      },
    );
  }

  /** A failed look-up of saved work throws: without it work would be lost, and nobody could say so. */
  #worktreePlans(): Promise<WorktreePlan[]> {
    const { env, town, rig, db } = this.#core;
    return Promise.all(
      activeRows(db).flatMap(({ agent, bead, branch, baseBranch }) => {
        if (bead === null || branch === null) return [];
        const saved = agentOf(env, town, rig, agent).savedWork(bead.id);
        return [saved.then((work) => ({ agent, bead: bead.id, branch, baseBranch, ...work }))];
      }),
    );
  }

  /** Starts one agent; a refusal puts it back to `pending` with the infrastructure's back-off. */
  async start(agent: string, life: Life): Promise<void> {
    const { env, town, rig, db } = this.#core;
    const orders = await this.#orders(agent);
    if (orders === null) return;
    const { agentCommand, snapshots } = orders;
    const row = agentRow(db, agent);
    const command = row.agentCommand ?? agentCommand;
    const { bead, branch, role, finishing } = row;
    if (row.status !== 'pending' || bead === null || branch === null) return;
    if (command === null) {
      setAgent(db, agent, {
        status: 'failed',
        fault: faultOf('no_agent_command', 'set agentCommand, then sling again'),
      });
      return;
    }
    const startId = crypto.randomUUID();
    const begun = {
      status: 'starting',
      startId,
      startedAt: Date.now(),
      generation: life.generation,
    } as const;
    if (!moveAgent(db, agent, { from: ['pending'] }, begun)) return;
    try {
      const policy = { ...snapshots, refSpace: ownRow(db, rig).refSpace };
      const work = { bead: bead.id, branch, role, command, finishing };
      const body = { life, startId, ...work, snapshots: policy };
      const inForce = await callControl(env, this.#target(life), CONTROL.start, { rig, agent }, body);
      if (inForce.startId !== startId) moveAgent(db, agent, { from: ['starting'], startId }, inForce);
      logEvent('agent.started', { town, rig, agent, bead: bead.id, generation: life.generation });
    } catch (error) {
      this.#startRefused(agent, startId, error);
    }
  }

  /**
   * What to start the agent with; null while the town holds starts back. A Town that is away has said it before: the last
   * orders hold until it is back. Throws RelightError: what it refuses with.
   */
  async #orders(agent: string): Promise<StartOrders | null> {
    const { env, town, rig, db } = this.#core;
    try {
      const { heldUntil, orders } = await townOf(env, town).startOrders(rig, agent);
      updateOwn(db, { heldUntil, orders });
      return heldUntil === null ? orders : null;
    } catch (error) {
      const { orders } = ownRow(db, rig);
      const isRefusal = error instanceof Error && 'code' in error;
      if (isRefusal || orders === null) throw error;
      logTrouble('town.away', error, { town, rig, agent });
      return orders;
    }
  }

  #startRefused(agent: string, startId: string, error: unknown): void {
    const { town, rig, db } = this.#core;
    logTrouble('agent.start_refused', error, { town, rig, agent });
    const code = error instanceof Error && 'code' in error ? error.code : null;
    // No answer is no refusal: the start may have arrived, and the next look at the agents decides.
    if (code === null || code === 'control_unreachable') return;
    const startTries = agentRow(db, agent).startTries + 1;
    const notBefore = Date.now() + infraBackoffMs(startTries);
    moveAgent(
      db,
      agent,
      { from: ['starting'], startId },
      { status: 'pending', startId: null, startTries, notBefore },
    );
  }

  /** Ends an agent's process; one that cannot be told now is found and ended after its next heartbeat. */
  async stop(agent: string, life: Life): Promise<void> {
    const { env, rig, town } = this.#core;
    try {
      await callControl(env, this.#target(life), CONTROL.stop, { rig, agent }, { life });
    } catch (error) {
      logTrouble('agent.stop_refused', error, { town, rig, agent });
    }
  }

  /** Asks for a snapshot of the agent's worktree now. Throws RelightError `no_hook`, `container_not_running` … */
  async snapshot(agent: string, life: Life | null): Promise<void> {
    if (agentRow(this.#core.db, agent).bead === null) {
      throw new RelightError('no_hook', `${agent} has no bead, so it has no worktree`);
    }
    if (life === null) throw new RelightError('container_not_running', 'the container does not run');
    const { env, rig } = this.#core;
    await callControl(env, this.#target(life), CONTROL.snapshot, { rig, agent }, { life });
  }

  /** All agents of this rig that the control server has. Throws RelightError. */
  async look(life: Life): Promise<AgentSighting[]> {
    const sightings = await callControl(this.#core.env, this.#target(life), CONTROL.agents, {});
    return sightings.filter(({ rig }) => rig === this.#core.rig);
  }

  /** The last output of an agent. Throws RelightError `unknown_agent`, `container_not_running`. */
  async log(agent: string, life: Life | null): Promise<string> {
    agentRow(this.#core.db, agent);
    if (life === null) throw new RelightError('container_not_running', 'the container does not run');
    const { env, rig } = this.#core;
    return callControl(env, this.#target(life), CONTROL.log, { rig, agent });
  }

  /** What the agent wrote after that place; a place of another boot is the start of this one. */
  async logAfter(agent: string, place: LogPlace, life: Life | null): Promise<LogPart> {
    agentRow(this.#core.db, agent);
    if (life === null) throw new RelightError('container_not_running', 'the container does not run');
    const { env, rig } = this.#core;
    const [bootId, read = '0'] = place.split('-');
    const after = bootId === life.bootId ? Number(read) : 0;
    const places = { rig, agent, after: String(after) };
    const { from, to, text } = await callControl(env, this.#target(life), CONTROL.logAfter, places);
    return { text, next: `${life.bootId}-${to}`, skipped: after === 0 ? 0 : Math.max(0, from - after) };
  }

  #target({ bootId }: Life): ControlTarget {
    return { town: this.#core.town, bootId };
  }
}

function nothingToRestore(rig: string): RigReport {
  return { rig, status: 'ready', fault: null, phases: [], agents: [] };
}
