import type { WorkflowStep } from 'cloudflare:workers';
import { NonRetryableError } from 'cloudflare:workflows';
import { ERROR_CODES, ErrorCode, faultOf } from '../src/contract/errors.ts';
import type { Fault } from '../src/contract/errors.ts';
import type { Life } from '../src/contract/ids.ts';
import type { Recovery } from '../src/contract/recovery.ts';
import type { Rig } from '../src/objects/rig.ts';
import type { Town } from '../src/objects/town.ts';
import type { Opened, RestoreVerdict } from '../src/objects/verdicts.ts';
import type { RecoveryParams } from '../src/platform/launch.ts';
import { isWaitTimeout } from '../src/platform/platform-errors.ts';
import { stubOf } from '../src/platform/stub.ts';
import type { Stub } from '../src/platform/stub.ts';
import { ASK_PHASE, rigReadyEvent } from '../src/rules/event-type.ts';
import { CONTROL_CALL, OBJECT_CALL, REPORT_WAIT } from './policy.ts';

/** What came of asking for a rig once: the verdict of its restore, no news in time, or a reason to give it up. */
export type Asked =
  | ({ readonly state: 'reported' } & RestoreVerdict)
  | { readonly state: 'silent' }
  | { readonly state: 'refused'; readonly fault: Fault };

/** The steps of one recovery. Each has a fixed name, may run twice, and is fenced by the life it belongs to. */
export class RecoverySteps {
  readonly #env: Env;
  readonly #step: WorkflowStep;
  readonly #recoveryId: string;
  readonly #params: RecoveryParams;

  constructor(env: Env, step: WorkflowStep, recoveryId: string, params: RecoveryParams) {
    this.#env = env;
    this.#step = step;
    this.#recoveryId = recoveryId;
    this.#params = params;
  }

  /**
   * Town accepts the boot, gives its generation, fences older ones, and reads the rigs with active agents out of its
   * registry. Nothing secret is in a step's result.
   */
  open(): Promise<Opened> {
    const { bootId, trigger, rigs } = this.#params;
    return this.#step.do('open recovery', OBJECT_CALL, () =>
      orGiveUp(() => this.#town().openRecovery({ recoveryId: this.#recoveryId, bootId, trigger, rigs })),
    );
  }

  /** Asks the control server for the rig, and waits for its report. `round` tells repeated asks apart. */
  async restoreRig(life: Life, rig: string, round: number): Promise<Asked> {
    const event = rigReadyEvent(rig, round);
    const asked = await this.#step.do(named(`restore rig ${rig}`, round), CONTROL_CALL, () =>
      this.#ask(life, rig, event),
    );
    return asked.state === 'restoring' ? this.#awaitReport(rig, round, event) : asked;
  }

  /**
   * The rig's alarm dispatches its pending agents; gives why it cannot, where trying again would not help. `round` is null
   * when the rig is there as far as it will be.
   */
  wakeRig(life: Life, rig: string, round: number | null): Promise<Fault | null> {
    const name = round === null ? `wake rig ${rig}` : `wake what there is of rig ${rig} (${round})`;
    return this.#step.do(name, OBJECT_CALL, async () => {
      try {
        await this.#rig(rig).wake(life);
        return null;
      } catch (error) {
        const fault = finalFault(error);
        if (fault === null) throw error;
        return fault;
      }
    });
  }

  /** Records in Town and Rig why a rig could not be brought back. */
  giveUpRig(life: Life, rig: string, fault: Fault): Promise<void> {
    return this.#step.do(`give up rig ${rig}`, OBJECT_CALL, () =>
      orGiveUp(() => this.#town().rigFailed(this.#recoveryId, life, rig, fault)),
    );
  }

  /** Lets a rig rest before it is restored again. */
  pause(rig: string, round: number, ms: number): Promise<void> {
    return this.#step.sleep(named(`pause before rig ${rig}`, round), ms);
  }

  /** Town records how it went; the record is also the Workflow's output. */
  close(): Promise<Recovery | null> {
    return this.#step.do('close recovery', OBJECT_CALL, () =>
      orGiveUp(() => this.#town().closeRecovery(this.#recoveryId)),
    );
  }

  async #ask(life: Life, rig: string, event: string): Promise<Asked | { state: 'restoring' }> {
    const startedAt = Date.now();
    try {
      const answer = await this.#rig(rig).restore(life, { recoveryId: this.#recoveryId, event });
      const phase = {
        name: ASK_PHASE,
        agent: null,
        work: 'relight',
        startedAt,
        ms: Date.now() - startedAt,
      } as const;
      await this.#town().notePhase(this.#recoveryId, rig, { ...phase, ok: true, detail: '' });
      return answer;
    } catch (error) {
      const fault = finalFault(error);
      if (fault === null) throw error;
      return { state: 'refused', fault };
    }
  }

  async #awaitReport(rig: string, round: number, event: string): Promise<Asked> {
    try {
      const { payload } = await this.#step.waitForEvent<RestoreVerdict>(named(`wait for rig ${rig}`, round), {
        type: event,
        timeout: REPORT_WAIT,
      });
      return { state: 'reported', ...payload };
    } catch (error) {
      if (!isWaitTimeout(error)) throw error;
      return { state: 'silent' };
    }
  }

  #town(): Stub<Town> {
    return stubOf(this.#env.TOWN, this.#params.town);
  }

  #rig(rig: string): Stub<Rig> {
    return stubOf(this.#env.RIG, `${this.#params.town}/${rig}`);
  }
}

function named(step: string, round: number): string {
  return round === 1 ? step : `${step} (${round})`;
}

/** The fault of an error that trying again would only repeat; null for one that may pass. */
function finalFault(error: unknown): Fault | null {
  const code = error instanceof Error && 'code' in error ? ErrorCode.safeParse(error.code) : null;
  if (code?.success !== true || ERROR_CODES[code.data].retryable) return null;
  return faultOf(code.data, error instanceof Error ? error.message : String(error));
}

/** Runs a call whose final failures end the step at once. */
async function orGiveUp<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    const fault = finalFault(error);
    if (fault === null) throw error;
    throw new NonRetryableError(`${fault.code}: ${fault.reason}`);
  }
}
