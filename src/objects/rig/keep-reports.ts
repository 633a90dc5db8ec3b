import type { AgentReport } from '../../contract/recovery.ts';
import { agentOf } from '../reach.ts';
import type { RigCore } from './core.ts';

/** Lets each Agent keep what was brought back for it. Comes before it is started: its prime tells it. */
export async function keepReports(
  { env, town, rig }: RigCore,
  occasion: { recoveryId: string | null; generation: number },
  reports: readonly AgentReport[],
): Promise<void> {
  const at = Date.now();
  await Promise.all(
    reports.map((report) =>
      agentOf(env, town, rig, report.agent).recordRestored({ ...occasion, at, report }),
    ),
  );
}
