import type { Phase } from '../../src/contract/recovery.ts';
import { asRelightError } from './errors.ts';

/** What a phase is about; `agent` is null for the work of a whole rig. */
export type PhaseName = Pick<Phase, 'name' | 'agent' | 'work'>;

/** Measures phases, tells of each as it ends, and keeps them all for the report. */
export class Phases {
  readonly ended: Phase[] = [];
  readonly #onPhase: (phase: Phase) => void;

  constructor(onPhase: (phase: Phase) => void) {
    this.#onPhase = onPhase;
  }

  /** Starts a phase now. What it returns ends it, once. */
  begin(name: PhaseName): (ok: boolean, detail: string) => void {
    const startedAt = Date.now();
    const from = performance.now();
    return (ok, detail) => {
      const phase: Phase = { ...name, startedAt, ms: performance.now() - from, ok, detail };
      this.ended.push(phase);
      this.#onPhase(phase);
    };
  }

  /** Runs `work` as one phase; `detail` describes its result. An error ends the phase as failed and goes on. */
  async measure<Result>(
    name: PhaseName,
    work: () => Promise<Result>,
    detail: (result: Result) => string,
  ): Promise<Result> {
    const end = this.begin(name);
    try {
      const result = await work();
      end(true, detail(result));
      return result;
    } catch (error) {
      end(false, asRelightError(error).message);
      throw error;
    }
  }
}
