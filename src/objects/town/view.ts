import { faultOf } from '../../contract/errors.ts';
import type { Fault } from '../../contract/errors.ts';
import type { RigSpec, RigView } from '../../contract/rig.ts';
import type { SnapshotPolicy } from '../../contract/snapshot.ts';
import { wipHome } from '../../contract/snapshot-refs.ts';
import type { TownView } from '../../contract/town.ts';
import { hasBucket } from '../../platform/bundles.ts';
import { BREAKER_WINDOW_MS, heldUntil } from '../../rules/breaker.ts';
import type { Breaker } from '../../rules/breaker.ts';
import { townState } from '../../rules/outcome.ts';
import { rigOf } from '../reach.ts';
import { newestBoot } from './boots.ts';
import type { TownCore } from './core.ts';
import { runningRecovery } from './recoveries.ts';
import { rigRows, townRow } from './registry.ts';
import type { RigRow } from './registry.ts';

/** The town as the operator sees it. Throws RelightError `unknown_town`. */
export function describeTown({ db, town }: TownCore): TownView {
  const row = townRow(db, town);
  const boot = newestBoot(db);
  const alive = boot !== null && boot.endedAt === null;
  const rigs = rigRows(db);
  const state = townState({
    boot: alive ? 'alive' : row.startingSince === null ? 'none' : 'starting',
    recovering: runningRecovery(db) !== null,
    hasFault: row.fault !== null,
    isHeld: row.breaker.openedAt !== null,
    rigs: rigs.map(({ state }) => state),
  });
  const { nextStartAt, heldDown, createdAt, settings, breaker } = row;
  const fault = row.fault ?? faultOfBreaker(breaker) ?? (state === 'degraded' ? faultOfRigs(rigs) : null);
  const times = { nextStartAt, heldDown, heldUntil: heldUntil(breaker, Date.now()), createdAt };
  return { ...settings, town, state, fault, generation: boot?.generation ?? 0, boot, ...times };
}

function faultOfBreaker(breaker: Breaker): Fault | null {
  const until = heldUntil(breaker, Date.now());
  if (until === null) return null;
  const { failed, probe } = breaker;
  const how = `${failed.length} beads failed within ${BREAKER_WINDOW_MS / 60_000} min, the last was ${failed.at(-1)?.bead}`;
  const next = probe === null ? 'then one may try' : `${probe.agent} tries meanwhile`;
  const held = `no agent is started until ${new Date(until).toISOString()}, ${next}`;
  return faultOf('beads_failing', `${how}; ${held}; a replay by hand lets all start again`);
}

/** The first reason why a rig is not there, or only in part. */
function faultOfRigs(rigs: readonly RigRow[]): Fault | null {
  for (const { rig, fault } of rigs) {
    if (fault !== null) return { ...fault, reason: `rig ${rig}: ${fault.reason}` };
  }
  return null;
}

/** A rig as the operator sees it: its registered spec, and how its own object says it stands. */
export async function describeRig(
  { env, town }: TownCore,
  { rig, spec, createdAt }: RigRow,
): Promise<RigView> {
  return { rig, ...spec, ...(await rigOf(env, town, rig).standing()), createdAt };
}

/** A rig's spec with what the town adds to it. */
export type CompleteSpec = RigSpec & { readonly snapshots: Omit<SnapshotPolicy, 'refSpace'> };

/** The spec of a rig, with the command that applies where it has none, and where its snapshots go. */
export function completeSpec({ env, db, town }: TownCore, { spec }: RigRow): CompleteSpec {
  const { settings, createdAt } = townRow(db, town);
  const snapshots = {
    store: settings.snapshotStore ?? (hasBucket(env) ? 'r2' : 'git'),
    home: wipHome(town, createdAt),
    intervalSeconds: settings.snapshotIntervalSeconds,
    maxFileBytes: settings.maxSnapshotFileBytes,
  };
  return { ...spec, agentCommand: spec.agentCommand ?? settings.agentCommand, snapshots };
}
