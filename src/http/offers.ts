import { RelightError } from '../contract/errors.ts';
import type { SnapshotOffer } from '../contract/snapshot.ts';
import { spaceOf, wipRef } from '../contract/snapshot-refs.ts';
import { agentOf, rigOf, townOf } from '../objects/reach.ts';

/** Throws RelightError `stale_generation` or `bead_not_hooked`: neither may leave anything in a store. */
export async function admitOffer(
  env: Env,
  town: string,
  { life, rig, agent, snapshot }: SnapshotOffer,
): Promise<void> {
  const { bead } = await rigOf(env, town, rig).hookOf(agent, life);
  if (bead?.id === snapshot.bead && snapshot.generation === life.generation) return;
  const reason = `the snapshot is of ${snapshot.bead}, which is not hooked to ${agent}`;
  throw new RelightError('bead_not_hooked', reason);
}

/** The store has it: only now is it recorded. Gives the refs on the remote that it makes superfluous. */
export async function recordOffer(
  env: Env,
  town: string,
  { rig, agent, snapshot }: SnapshotOffer,
): Promise<string[]> {
  const superfluous = await agentOf(env, town, rig, agent).recordSnapshot(snapshot);
  await rigOf(env, town, rig).noteSnapshot(agent, snapshot);
  return superfluous;
}

/** What is recorded is deleted some day: the ref of somebody else must never get there. Throws `invalid_request`. */
export async function requireOwnRef(
  env: Env,
  town: string,
  { life, rig, agent, snapshot }: SnapshotOffer,
): Promise<void> {
  const place = snapshot.place ?? '';
  const { home } = (await townOf(env, town).rigSpec(rig)).snapshots;
  const own = wipRef(spaceOf(place), { home, rig, agent, generation: life.generation });
  if (snapshot.store === 'git' && place === own) return;
  throw new RelightError('invalid_request', `the snapshot has to be at ${own}`);
}
