import type { Fault } from '../contract/errors.ts';
import type { Life } from '../contract/ids.ts';
import { faultOfReport } from '../contract/recovery.ts';
import type { RecoveryTrigger, RigReport } from '../contract/recovery.ts';

/** What the Workflow asks for when it opens a recovery. */
export interface OpenRequest {
  readonly recoveryId: string;
  readonly bootId: string;
  readonly trigger: RecoveryTrigger;
  /** The rigs that were asked for; null for all with active agents. */
  readonly rigs: readonly string[] | null;
}

/** Either the life that the recovery is for and the rigs that it brings back, or the news that its boot is over. */
export type Opened =
  | { readonly state: 'open'; readonly life: Life; readonly rigs: readonly RigToRestore[] }
  | { readonly state: 'superseded' };

/** A rig that the recovery brings back; `agents` is how many are hooked, null where the Rig could not be asked. */
export interface RigToRestore {
  readonly rig: string;
  readonly agents: number | null;
}

/**
 * How a restore ended for the rig as a whole: no fault where nothing more is to be done for it; `isPartial` where some
 * of its agents have what they need.
 */
export interface RestoreVerdict {
  readonly fault: Fault | null;
  readonly isPartial: boolean;
}

/** The verdict of a report. */
export function verdictOf(report: RigReport): RestoreVerdict {
  return { fault: faultOfReport(report), isPartial: report.status === 'partial' };
}

/** The answer to asking for a rig: its report will come, or is here. */
export type RestoreState =
  { readonly state: 'restoring' } | ({ readonly state: 'reported' } & RestoreVerdict);
