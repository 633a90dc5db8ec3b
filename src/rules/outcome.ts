import type { RecoveryRig, RecoveryStatus } from '../contract/recovery.ts';
import type { RigState } from '../contract/rig.ts';
import type { TownState } from '../contract/town.ts';

/** How a whole recovery ended, from how its rigs ended. A town without active rigs is complete. */
export function recoveryStatus(rigs: readonly Pick<RecoveryRig, 'status'>[]): RecoveryStatus {
  if (rigs.some(({ status }) => status === 'superseded')) return 'superseded';
  if (rigs.every(({ status }) => status === 'ready')) return 'complete';
  return rigs.every(({ status }) => status === 'failed') ? 'failed' : 'partial';
}

/** What the Town knows when somebody asks for its state; a fault is the container's or its recovery's. */
export interface TownFacts {
  readonly boot: 'none' | 'starting' | 'alive';
  readonly recovering: boolean;
  readonly hasFault: boolean;
  readonly isHeld: boolean;
  readonly rigs: readonly RigState[];
}

/** The town's state in one word. */
export function townState({ boot, recovering, hasFault, isHeld, rigs }: TownFacts): TownState {
  if (boot === 'none') return hasFault ? 'degraded' : 'dark';
  if (boot === 'starting') return 'starting';
  if (hasFault) return 'degraded';
  if (recovering) return 'recovering';
  return isHeld || rigs.some((state) => state === 'failed' || state === 'partial') ? 'degraded' : 'lit';
}
