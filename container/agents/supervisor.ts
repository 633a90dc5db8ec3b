import type { AgentExit } from '../../src/contract/agent.ts';
import { CALLBACKS } from '../../src/contract/callbacks.ts';
import type { AgentSighting } from '../../src/contract/control.ts';
import { cleanUpAfter } from '../disk/clean-up.ts';
import type { Finished } from '../disk/clean-up.ts';
import { errorFacts, log } from '../log.ts';
import { AgentLog } from './agent-log.ts';
import { launch, type LaunchParts } from './launch.ts';
import { AgentRun, type ExitCause, type StartOrder } from './run.ts';

/** Starts and stops the town's agents, one process per agent, and tells the Worker how each start ended. */
export class Supervisor {
  readonly #parts: LaunchParts;
  readonly #onChange: () => void;
  /** Everything that heartbeats show: also ended runs, until the Worker has taken their exit. */
  readonly #runs = new Set<AgentRun>();
  readonly #newest = new Map<string, AgentRun>();
  readonly #logs = new Map<string, AgentLog>();
  readonly #reports = new Set<Promise<void>>();

  constructor(parts: LaunchParts, onChange: () => void) {
    this.#parts = parts;
    this.#onChange = onChange;
  }

  /**
   * Starts an agent and gives the start that is in force: the running one, when it works on the same bead and branch.
   * A run for another bead is stopped first. The new start is in the sightings before this returns.
   */
  start(order: StartOrder): string {
    this.#parts.lifecycle.refuseWhileDraining();
    const key = keyOf(order.rig, order.agent);
    const before = this.#newest.get(key);
    if (before !== undefined && makesNeedless(before, order)) return before.order.startId;
    before?.stop('stopped');
    const run = new AgentRun(order);
    this.#newest.set(key, run);
    this.#runs.add(run);
    this.#onChange();
    this.#report(this.#carryOut(run, before?.ended));
    return order.startId;
  }

  /** The agent's bead is over: asks its process to end, stops keeping its worktree safe, and cleans up after it. */
  stop(rig: string, agent: string): void {
    const run = this.#newest.get(keyOf(rig, agent));
    if (this.isLive(rig, agent)) run?.stop('stopped');
    else {
      this.#parts.snapshots.discard(rig, agent);
      this.#cleanUp({ rig, agent, bead: run?.order.bead ?? null });
    }
  }

  /** Whether the agent has a process, or is about to. */
  isLive(rig: string, agent: string): boolean {
    return (this.#newest.get(keyOf(rig, agent))?.state ?? 'exited') !== 'exited';
  }

  /** Asks all agents to end because the container does, and waits until no process is left. */
  async stopAll(): Promise<void> {
    const runs = [...this.#runs];
    for (const run of runs) run.stop('shutdown');
    await Promise.all(runs.map(async (run) => await run.ended));
  }

  /** Waits until the Worker has taken, or refused, the exit of every run. */
  async exitsTaken(): Promise<void> {
    await Promise.all(this.#reports);
  }

  /** All agents as a heartbeat shows them. */
  sightings(): AgentSighting[] {
    const { snapshots } = this.#parts;
    return [...this.#runs].map((run) => ({
      ...run.sighting(),
      atRisk: snapshots.riskOf(run.order.rig, run.order.agent),
    }));
  }

  /** How many agents have a process, or are about to. */
  get liveCount(): number {
    return [...this.#runs].filter(({ state }) => state !== 'exited').length;
  }

  /** The agent's log in this boot; an empty one when it has written nothing. */
  logOf(rig: string, agent: string): AgentLog {
    const key = keyOf(rig, agent);
    const log = this.#logs.get(key) ?? new AgentLog();
    this.#logs.set(key, log);
    return log;
  }

  async #carryOut(run: AgentRun, earlier: Promise<void> | undefined): Promise<void> {
    await earlier;
    const agentLog = this.logOf(run.order.rig, run.order.agent);
    const onRunning = (): void => {
      run.state = 'running';
      this.#onChange();
    };
    const { cause, exit, isOver } = await launch(this.#parts, run, { agentLog, onRunning });
    run.end();
    this.#onChange();
    if (isOver) this.#cleanUp(run.order);
    await this.#tellExit(run, cause, exit);
    this.#runs.delete(run);
    this.#onChange();
  }

  async #tellExit(run: AgentRun, cause: ExitCause, exit: AgentExit): Promise<void> {
    const { rig, agent, startId, bead } = run.order;
    const { worker, lifecycle } = this.#parts;
    try {
      const message = { life: lifecycle.life, rig, agent, startId, bead, cause, exit };
      await worker.call(CALLBACKS.exit, message, { patience: 'endless' });
    } catch (error) {
      // Refused for good: the Worker does not want to know of this start, telling it again is no use.
      log.warn('agent.exit-refused', { rig, agent, startId, ...errorFacts(error) });
    }
  }

  /** In the background: nobody waits for it, and what is cut off is cleaned up by a later restore. */
  #cleanUp(finished: Finished): void {
    const { rig, agent } = finished;
    void cleanUpAfter(this.#parts.git, finished, () => !this.isLive(rig, agent));
  }

  #report(work: Promise<void>): void {
    this.#reports.add(work);
    void work.finally(() => this.#reports.delete(work));
  }
}

/** Whether the order needs no new process: it was carried out already, or its work is being done. */
function makesNeedless(before: AgentRun, order: StartOrder): boolean {
  if (before.order.startId === order.startId) return true;
  const sameWork = before.order.bead === order.bead && before.order.branch === order.branch;
  return before.isInForce && sameWork;
}

function keyOf(rig: string, agent: string): string {
  return `${rig}/${agent}`;
}
