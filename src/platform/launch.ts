import type { RecoveryTrigger } from '../contract/recovery.ts';
import { isInstanceExists } from './platform-errors.ts';

/** The parameters of one recovery. A restarted instance gets the same ones, so nothing in them may go stale silently. */
export interface RecoveryParams {
  readonly town: string;
  readonly bootId: string;
  readonly trigger: RecoveryTrigger;
  readonly rigs: readonly string[] | null;
}

/** The id of a boot's recovery; the same boot always gives the same id, so that launching twice is launching once. */
export function bootRecoveryId(bootId: string): string {
  return `boot-${bootId}`;
}

/**
 * Creates the Workflow instance `recoveryId`. Creating one that exists changes nothing, and gives false. Throws what the
 * platform throws when it cannot create instances now.
 */
export async function launchRecovery(
  recoveries: Workflow<RecoveryParams>,
  recoveryId: string,
  params: RecoveryParams,
): Promise<boolean> {
  try {
    await recoveries.create({ id: recoveryId, params });
    return true;
  } catch (error) {
    if (!isInstanceExists(error)) throw error;
    return false;
  }
}
