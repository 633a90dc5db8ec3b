import { expect, it, vi } from 'vitest';
import type { Snapshot } from '../../src/contract/snapshot.ts';
import { addRig, callback, goodReport, makeTown, operator } from './town.ts';
import { jsonOf, lifeOf, litTown, loseContainer, patiently, problemCode, restoredIn } from './scene.ts';
import { snapshotOf } from './snapshot.ts';
import type { Asked } from './town.ts';

/** A snapshot that the container has pushed to the rig's remote. */
function pushed(seq: number, place: string, more: Partial<Snapshot> = {}): Snapshot {
  return snapshotOf(seq, { store: 'git', place, ...more });
}

const offer = (town: string, snapshot: Snapshot, n = 1): Promise<Response> =>
  callback(town, 'snapshot-pushed', { life: lifeOf(town, n), rig: 'hono', agent: 'ada', snapshot });

const recorded = async (town: string): Promise<[number, number][]> => {
  const answer = await jsonOf(operator('GET', `/api/towns/${town}/rigs/hono/agents/ada/snapshots`));
  return (answer['snapshots'] as Snapshot[]).map(({ generation, seq }) => [generation, seq]);
};

/** The ref that the town told its container to use in this generation. */
function refIn(asked: Asked, space: 'private' | 'branches', generation: number): string {
  const home = asked.restores[0]?.request.snapshots.home ?? '';
  const folder = space === 'private' ? 'refs/gastown/wip' : 'refs/heads/gastown-wip';
  return `${folder}/hono/ada/${home}.${generation}`;
}

it('a snapshot on the remote takes the place of the one that was at its ref, and is the next restore', async () => {
  const asked = await litTown('pushed');
  const ref = refIn(asked, 'private', 1);
  for (const seq of [1, 2])
    expect(await jsonOf(offer('pushed', pushed(seq, ref)))).toEqual({ superfluous: [] });
  expect(await recorded('pushed')).toEqual([[1, 2]]);
  await loseContainer('pushed');
  const { agents, hooked } = await restoredIn(2, asked);
  expect(agents?.[0]?.snapshot).toMatchObject({ seq: 2, place: ref });
  expect(hooked).toEqual(['ada']);
});

it('a server that took branches only is known to every later boot of the rig', async () => {
  const asked = await litTown('branches');
  expect(asked.restores[0]?.request.snapshots.refSpace).toBe('private');
  await offer('branches', pushed(1, refIn(asked, 'branches', 1)));
  await loseContainer('branches');
  expect((await restoredIn(2, asked)).snapshots.refSpace).toBe('branches');
});

it.each([
  ['of another town', 'refs/gastown/wip/hono/ada/other.1.1'],
  ['of another agent', 'refs/gastown/wip/hono/ben/refused.1.1'],
  ['that is a branch', 'refs/heads/main'],
])('a ref %s is not recorded as the place of a snapshot', async (_, place) => {
  await litTown(`refused${place.length}`);
  const town = `refused${place.length}`;
  expect(await problemCode(await offer(town, pushed(1, place)), 400)).toBe('invalid_request');
  expect(await recorded(town)).toEqual([]);
});

it('the container is told which refs of earlier generations it may delete', async () => {
  const asked = await litTown('old');
  for (let n = 1; n <= 4; n += 1) {
    await vi.waitFor(() => expect(asked.starts).toHaveLength(n), patiently);
    const snapshot = pushed(n, refIn(asked, 'private', n), { generation: n });
    const superfluous = n === 4 ? [refIn(asked, 'private', 1)] : [];
    expect(await jsonOf(offer('old', snapshot, n))).toEqual({ superfluous });
    await loseContainer('old');
  }
});

it('a snapshot that could not be put back stays until its bead is done, and every restore is told of it', async () => {
  const asked = await makeTown('pinned', (rig, request) => {
    const report = goodReport(rig, request);
    const snapshot = request.life.generation === 2 ? 'conflict' : 'none';
    return { ...report, agents: report.agents.map((agent) => ({ ...agent, snapshot })) };
  });
  await addRig('pinned', 'hono', ['ada']);
  await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
  await offer('pinned', pushed(1, refIn(asked, 'private', 1)));
  await loseContainer('pinned');
  for (let n = 2; n <= 6; n += 1) {
    await vi.waitFor(() => expect(asked.starts).toHaveLength(n), patiently);
    await offer('pinned', pushed(n, refIn(asked, 'private', n), { generation: n }), n);
    await loseContainer('pinned');
  }
  const plan = (await restoredIn(7, asked)).agents[0];
  expect(plan?.snapshot?.seq).toBe(6);
  expect(plan?.older.map(({ seq }) => seq)).toEqual([5, 4]);
  expect(plan?.pinned.map(({ seq }) => seq)).toEqual([1]);
  await operator('DELETE', '/api/towns/pinned/rigs/hono/agents/ada/hook');
  expect(await recorded('pinned')).toEqual([]);
});
