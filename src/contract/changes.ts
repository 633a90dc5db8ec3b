import { z } from 'zod';
import { AgentView } from './agent.ts';
import { Id, Instant } from './ids.ts';
import { RecoveryTrigger, RecoveryStatus, RecoveryId, Phase } from './recovery.ts';
import { RigState } from './rig.ts';
import { Fault } from './errors.ts';
import { SnapshotGlance } from './snapshot.ts';
import { TownState } from './town.ts';

const Of = <Kind extends string, Facts extends z.ZodRawShape>(kind: Kind, facts: Facts) =>
  z.object({ kind: z.literal(kind), ...facts });

/** An agent without the texts that may be long. */
export const AgentGlance = AgentView.omit({ lastExit: true }).extend({ bead: Id.nullable() });
export type AgentGlance = z.infer<typeof AgentGlance>;

/** Everything that changes in a town, as it is sent to the operator by server-sent events. */
export const Change = z.discriminatedUnion('kind', [
  Of('town', { state: TownState, fault: Fault.nullable() }),
  Of('boot', { bootId: z.string(), generation: z.int().positive() }),
  Of('container.stopped', { exit: z.string() }),
  Of('recovery', {
    recoveryId: RecoveryId,
    generation: z.int(),
    trigger: RecoveryTrigger,
    status: RecoveryStatus,
  }),
  Of('phase', { recoveryId: RecoveryId.nullable(), rig: Id, phase: Phase }),
  Of('rig', { rig: Id, state: RigState, fault: Fault.nullable() }),
  Of('agent', { rig: Id, agent: AgentGlance }),
  Of('checkpoint', { rig: Id, agent: Id, bead: Id, seq: z.int() }),
  Of('snapshot', { rig: Id, agent: Id, snapshot: SnapshotGlance }),
  Of('done', { rig: Id, agent: Id, bead: Id, prUrl: z.string().nullable(), doneAt: Instant }),
]);
export type Change = z.infer<typeof Change>;

/** A change with its place in the town's feed; `seq` is the server-sent event's id. */
export const FeedEntry = z.object({ seq: z.int().positive(), at: Instant, change: Change });
export type FeedEntry = z.infer<typeof FeedEntry>;
