import type { AgentStatus } from './agent.ts';
import type { RecoveryStatus } from './recovery.ts';
import type { TownState } from './town.ts';

/** Upper bounds of the histogram of recoveries, in seconds. */
export const RECOVERY_BUCKETS_S = [1, 2, 3, 5, 8, 13, 20, 30, 60, 120, 300, 600] as const;

/** How long recoveries took that brought a town back: how many took at most so long, all of them, and their sum. */
export interface RecoveryTimes {
  /** One for each of RECOVERY_BUCKETS_S. */
  readonly atMost: readonly number[];
  readonly count: number;
  readonly sumSeconds: number;
}

/** What is counted of a rig's agents. */
export interface RosterTally {
  readonly agents: Readonly<Partial<Record<AgentStatus, number>>>;
  /** Agents whose newest work could not be stored outside the container. */
  readonly atRisk: number;
}

/** What is counted of a town. */
export interface TownMetrics extends RosterTally {
  readonly town: string;
  readonly state: TownState;
  readonly generation: number;
  /** Recoveries that have ended, by outcome. */
  readonly recoveries: Readonly<Partial<Record<RecoveryStatus, number>>>;
  readonly times: RecoveryTimes;
  /** Messages of earlier boots that were refused. */
  readonly fenced: number;
}
