import { describe, expect, it, vi } from 'vitest';
import { TownArchive } from '../../src/contract/archive.ts';
import {
  everythingOf,
  jsonOf,
  lifeOf,
  litTown,
  patiently,
  primeOf,
  problemCode,
  tick,
  viewOf,
} from './scene.ts';
import { callback, makeTown, operator } from './town.ts';

/** A town whose agent has saved some progress, and its archive. */
async function archived(town: string): Promise<TownArchive> {
  await litTown(town, ['ada', 'bob']);
  await operator('PUT', `/api/towns/${town}/rigs/hono/agents/idle`, { role: 'witness' });
  for (const step of [1, 2]) {
    const message = {
      life: lifeOf(town),
      rig: 'hono',
      agent: 'ada',
      bead: 'bead-ada',
      head: null,
      data: { step },
    };
    expect((await callback(town, 'checkpoint', message)).ok).toBe(true);
  }
  return TownArchive.parse(await jsonOf(operator('GET', `/api/towns/${town}/archive`)));
}

/** An archive that no town was exported for. */
function archiveOf(town: string): TownArchive {
  const bead = { id: 'bead-ada', title: 'Ada' };
  const checkpoint = { seq: 1, bead: 'bead-ada', at: 1, generation: 1, head: null, data: { step: 1 } };
  const ada = { agent: 'ada', bead, branch: 'gt/ada/bead-ada', checkpoints: [checkpoint] };
  const rigs = [{ rig: 'hono', spec: { gitUrl: 'https://git.test/hono.git' }, agents: [ada] }];
  return TownArchive.parse({ format: 'relight-town-1', town, exportedAt: 1, settings: {}, rigs });
}

const put = (town: string, body: unknown): Promise<Response> =>
  operator('PUT', `/api/towns/${town}/archive`, body);

describe('the archive of a town', () => {
  it('makes the same town again, held down, whose agents go on from their checkpoints once it is started', async () => {
    const archive = await archived('moved');
    expect(await jsonOf(operator('DELETE', '/api/towns/moved'))).toEqual({ left: [] });
    expect(await jsonOf(put('moved', archive))).toMatchObject({ state: 'dark', generation: 0 });
    const again = await jsonOf(operator('GET', '/api/towns/moved/archive'));
    expect({ ...again, exportedAt: archive.exportedAt }).toEqual(archive);
    expect((await jsonOf(operator('GET', '/api/towns'))).towns).toContain('moved');
    const rig = { gitUrl: 'https://git.test/hono.git', agents: 3, activeAgents: 2 };
    expect(await jsonOf(operator('GET', '/api/towns/moved/rigs/hono'))).toMatchObject(rig);
    const asked = await makeTown('moved');
    await operator('POST', '/api/towns/moved/container', { action: 'start' });
    await vi.waitFor(() => expect(asked.starts).toHaveLength(2), patiently);
    expect(asked.starts.map(({ bead }) => bead).toSorted()).toEqual(['bead-ada', 'bead-bob']);
    expect((await primeOf('moved')).checkpoint?.data).toEqual({ step: 2 });
  });

  it('starts no container by itself: the town that it was made from may still be at work', async () => {
    const asked = await makeTown('copy');
    await operator('DELETE', '/api/towns/copy');
    await jsonOf(put('copy', archiveOf('copy')));
    await tick('copy');
    expect(await viewOf('copy')).toMatchObject({ state: 'dark', boot: null });
    expect(asked.boots).toBe(0);
  });

  it('is refused where the town is there, and changes nothing', async () => {
    await litTown('taken');
    const before = await everythingOf('taken');
    expect(await problemCode(await put('taken', archiveOf('taken')), 409)).toBe('town_exists');
    expect(await everythingOf('taken')).toEqual(before);
  });

  it.each<[string, (archive: TownArchive) => unknown]>([
    ['of another town', (archive) => ({ ...archive, town: 'other' })],
    ['of another format', (archive) => ({ ...archive, format: 'relight-town-9' })],
    ['with a rig named twice', ({ rigs, ...rest }) => ({ ...rest, rigs: [...rigs, ...rigs] })],
    [
      'with a bead that has no branch',
      ({ rigs, ...rest }) => ({
        ...rest,
        rigs: rigs.map((rig) => ({ ...rig, agents: rig.agents.map((each) => ({ ...each, branch: null })) })),
      }),
    ],
    [
      'with a checkpoint that is too large',
      ({ rigs, ...rest }) => ({
        ...rest,
        rigs: rigs.map((rig) => ({
          ...rig,
          agents: rig.agents.map((each) => ({
            ...each,
            checkpoints: each.checkpoints.map((one) => ({ ...one, data: 'x'.repeat(300_000) })),
          })),
        })),
      }),
    ],
  ])('%s is refused, and no town is made', async (what, spoil) => {
    const town = `spoilt${what.length}`;
    expect(await problemCode(await put(town, spoil(archiveOf(town))), 400)).toBe('invalid_request');
    expect(await problemCode(await operator('GET', `/api/towns/${town}`), 404)).toBe('unknown_town');
  });

  it('may be larger than other bodies, but not without end', async () => {
    const archive = archiveOf('large');
    const [rig] = archive.rigs;
    const body = 'x'.repeat(200_000);
    const agents = Array.from({ length: 10 }, (_, n) => ({
      agent: `a${n}`,
      bead: { id: 'b', title: 'B', body },
      branch: `b${n}`,
      checkpoints: [],
    }));
    await jsonOf(put('large', { ...archive, rigs: [{ ...rig, agents }] }));
    const huge = { ...archive, padding: 'x'.repeat(25 * 1024 * 1024) };
    expect(await problemCode(await put('huge', huge), 413)).toBe('too_large');
  });
});
