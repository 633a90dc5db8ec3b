import type { z } from 'zod';
import type { ExitMessage } from '../../src/contract/callbacks.ts';
import type { AgentSighting, StartRequest } from '../../src/contract/control.ts';

/** Why a run ended, as the Worker is told. */
export type ExitCause = ExitMessage['cause'];

/** What the Worker ordered, and for whom. */
export type StartOrder = Omit<z.infer<typeof StartRequest>, 'life'> & { rig: string; agent: string };

/** One start of one agent, from the order until the Worker has taken its exit. */
export class AgentRun {
  readonly order: StartOrder;
  readonly startedAt = Date.now();
  state: AgentSighting['state'] = 'starting';
  /** When it last wrote output, in epoch milliseconds. */
  wroteAt: number | null = null;
  readonly #stop = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  #stopCause: ExitCause | null = null;

  constructor(order: StartOrder) {
    this.order = order;
  }

  /** Resolves when no process of the run is left. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Aborts when the run is to end. */
  get stopSignal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Who asked the run to end, null when nobody did. */
  get stopCause(): ExitCause | null {
    return this.#stopCause;
  }

  /** Whether the run goes on and nobody has asked it to end. */
  get isInForce(): boolean {
    return this.state !== 'exited' && this.#stopCause === null;
  }

  /** Asks the run to end; the first cause stays. */
  stop(cause: ExitCause): void {
    this.#stopCause ??= cause;
    this.#stop.abort(new Error(`${cause} before its process had begun`));
  }

  /** Records that no process of the run is left. */
  end(): void {
    this.state = 'exited';
    this.#ended.resolve();
  }

  /** The run as a heartbeat shows it, but for the safety of its work. */
  sighting(): Omit<AgentSighting, 'atRisk'> {
    const { rig, agent, bead, startId } = this.order;
    const { state, startedAt, wroteAt } = this;
    return { rig, agent, bead, startId, state, startedAt, wroteAt };
  }
}
