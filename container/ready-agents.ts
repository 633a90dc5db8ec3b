import { setTimeout as delay } from 'node:timers/promises';
import { CALLBACKS } from '../src/contract/callbacks.ts';
import type { RestoreRequest } from '../src/contract/control.ts';
import type { AgentReport } from '../src/contract/recovery.ts';
import { errorFacts, log } from './log.ts';
import type { WorkerClient } from './worker-client.ts';

/** Where everything is in place, the rig's report follows within this time, and says it all. */
const COLLECT_MS = 10;

/**
 * Tells the Worker of the agents of one restore as soon as their worktrees are there: one call at a time, with all who got
 * ready meanwhile. A call that fails is not repeated, for the rig's report names everybody again.
 */
export class ReadyAgents {
  readonly #worker: WorkerClient;
  readonly #rig: string;
  readonly #request: RestoreRequest;
  #waiting: AgentReport[] = [];
  #isTelling = false;

  constructor(worker: WorkerClient, rig: string, request: RestoreRequest) {
    this.#worker = worker;
    this.#rig = rig;
    this.#request = request;
  }

  /** Takes an agent's report; one with a fault is not ready. */
  add(report: AgentReport): void {
    if (report.fault !== null) return;
    this.#waiting.push(report);
    if (!this.#isTelling) void this.#tell();
  }

  /** The rig's report is there: who has not been told of yet is in it. */
  end(): void {
    this.#waiting = [];
  }

  async #tell(): Promise<void> {
    this.#isTelling = true;
    const { life, recoveryId } = this.#request;
    try {
      await delay(COLLECT_MS);
      while (this.#waiting.length > 0) {
        const agents = this.#waiting;
        this.#waiting = [];
        const message = { life, recoveryId, rig: this.#rig, agents };
        await this.#worker.call(CALLBACKS.agentsReady, message, { patience: 'once' });
      }
    } catch (error) {
      log.warn('agents.ready-not-told', { rig: this.#rig, ...errorFacts(error) });
    } finally {
      this.#isTelling = false;
    }
  }
}
