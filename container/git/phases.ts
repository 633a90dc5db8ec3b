import type { Phase } from '../../src/contract/recovery.ts';
import { asRelightError } from './errors.ts';

/** What a phase is about; `agent` is null for the work of a whole rig. */
export type PhaseName = Pick<Phase, 'name' | 'agent' | 'work'>;

/** A phase that is under way. */
export interface RunningPhase {
  /** Starts the clock again: what went before was waiting. */
  restart(): void;
  /** Ends the phase, once. */
  end(ok: boolean, detail: string): void;
}

/** Measures phases, tells of each as it ends, and keeps them all for the report. */
export class Phases {
  readonly ended: Phase[] = [];
  readonly #onPhase: (phase: Phase) => void;

  constructor(onPhase: (phase: Phase) => void) {
    this.#onPhase = onPhase;
  }

  /** Starts a phase now. */
  begin(name: PhaseName): RunningPhase {
    let startedAt = Date.now();
    let from = performance.now();
    return {
      restart: () => {
        startedAt = Date.now();
        from = performance.now();
      },
      end: (ok, detail) => {
        const phase: Phase = { ...name, startedAt, ms: performance.now() - from, ok, detail };
        this.ended.push(phase);
        this.#onPhase(phase);
      },
    };
  }

  /** Runs `work` as one phase; `detail` describes its result. An error ends the phase as failed and goes on. */
  async measure<Result>(
    name: PhaseName,
    work: (phase: RunningPhase) => Promise<Result>,
    detail: (result: Result) => string,
  ): Promise<Result> {
    const phase = this.begin(name);
    try {
      const result = await work(phase);
      phase.end(true, detail(result));
      return result;
    } catch (error) {
      phase.end(false, asRelightError(error).message);
      throw error;
    }
  }
}
