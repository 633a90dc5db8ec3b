import { WorkflowEntrypoint } from 'cloudflare:workers';
import type { WorkflowEvent, WorkflowStep } from 'cloudflare:workers';
import { chanceOf } from '../src/contract/backoff.ts';
import { faultOf } from '../src/contract/errors.ts';
import type { Fault } from '../src/contract/errors.ts';
import type { Life } from '../src/contract/ids.ts';
import type { Recovery } from '../src/contract/recovery.ts';
import type { RecoveryParams } from '../src/platform/launch.ts';
import { MAX_WAITS, restorePauseMs } from './policy.ts';
import { RecoverySteps } from './steps.ts';

/** Brings a town back after its container started: one instance per boot. Its output is the recovery's record. */
export class RecoveryWorkflow extends WorkflowEntrypoint<Env, RecoveryParams> {
  override async run(
    event: Readonly<WorkflowEvent<RecoveryParams>>,
    step: WorkflowStep,
  ): Promise<Recovery | null> {
    const steps = new RecoverySteps(this.env, step, event.instanceId, event.payload);
    const opened = await steps.open();
    if (opened.state === 'superseded') return null;
    // Settled, not all: a rig that cannot even be given up holds nobody back, and the record shows it unfinished.
    await Promise.allSettled(opened.rigs.map(({ rig }) => bringBackRig(steps, opened.life, rig)));
    return steps.close();
  }
}

/** Brings one rig back, or records why not. */
async function bringBackRig(steps: RecoverySteps, life: Life, rig: string): Promise<void> {
  const fault = await tryRig(steps, life, rig);
  if (fault !== null) await steps.giveUpRig(life, rig, fault);
}

async function tryRig(steps: RecoverySteps, life: Life, rig: string): Promise<Fault | null> {
  try {
    return (await restoreWithRetries(steps, life, rig)) ?? (await steps.wakeRig(life, rig, null));
  } catch (error) {
    return faultOf('control_unreachable', error instanceof Error ? error.message : String(error));
  }
}

/** Null once the rig is there, whole or in part; else why it is not. */
async function restoreWithRetries(steps: RecoverySteps, life: Life, rig: string): Promise<Fault | null> {
  let failures = 0;
  for (let round = 1; round <= MAX_WAITS; round += 1) {
    const asked = await steps.restoreRig(life, rig, round);
    if (asked.state === 'refused') return asked.fault;
    if (asked.state === 'silent') continue;
    if (asked.fault === null) return null;
    // The agents that have what they need do not wait for the others.
    if (asked.isPartial) await steps.wakeRig(life, rig, round);
    failures += 1;
    const pauseMs = asked.fault.retryable
      ? restorePauseMs(failures, chanceOf(`${life.bootId}/${rig}/${failures}`))
      : null;
    if (pauseMs === null) return asked.fault;
    await steps.pause(rig, round, pauseMs);
  }
  return faultOf('restore_timeout', `no report of rig ${rig} after ${MAX_WAITS} waits`);
}
