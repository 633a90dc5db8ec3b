import { env, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import type { AgentReport } from '../../src/contract/recovery.ts';
import { machines } from './fake-container.ts';
import {
  beat,
  everythingOf,
  failedReport,
  jsonOf,
  lifeOf,
  litTown,
  loseContainer,
  patiently,
  problemCode,
  sightingOf,
} from './scene.ts';
import {
  addRig,
  agentStatus,
  bootId,
  callback,
  goodReport,
  latestRecovery,
  makeTown,
  operator,
} from './town.ts';
import type { Asked } from './town.ts';

const EXIT = { code: 1, signal: null, ranMs: 1_000, tail: 'oops' };

const recoveriesOf = async (town: string) =>
  (await jsonOf(operator('GET', `/api/towns/${town}/recoveries`))).recoveries as { recoveryId: string }[];

function announce(town: string, n: number): Promise<Response> {
  return callback(town, 'boot', { bootId: bootId(town, n), bootedAt: Date.now() });
}

describe('invariant 1: one recovery per boot', () => {
  it('announced by the container, found by onStart and created again is one recovery', async () => {
    const asked = await litTown('once');
    const before = await everythingOf('once');
    for (const _ of [1, 2, 3]) expect(await jsonOf(announce('once', 1))).toEqual({ generation: 1 });
    await env.TOWN_CONTAINER.getByName('once').startBoot({
      drainSeconds: 30,
      origin: 'https://relight.test',
    });
    await jsonOf(operator('POST', '/api/towns/once/container', { action: 'start' }));
    await expect(env.RECOVERY.create({ id: `boot-${bootId('once', 1)}` })).rejects.toThrow(/already.exists/);
    expect(asked.boots).toBe(1);
    expect(asked.restores).toHaveLength(1);
    expect(await everythingOf('once')).toEqual(before);
  });

  it('announced many times at once is one recovery', async () => {
    await makeTown('rush');
    const machine = machines.get('rush');
    if (machine !== undefined) machine.running = machine.boot();
    await Promise.all(Array.from({ length: 8 }, () => announce('rush', 1)));
    await vi.waitFor(async () => expect((await latestRecovery('rush'))?.status).toBe('complete'), patiently);
    expect(await recoveriesOf('rush')).toHaveLength(1);
  });

  it('a boot that is not the one in the container gets no generation and opens nothing', async () => {
    await litTown('imposter');
    const before = await everythingOf('imposter');
    expect(await jsonOf(announce('imposter', 7))).toEqual({ generation: null });
    await vi.waitFor(async () => {
      const instance = await env.RECOVERY.get(`boot-${bootId('imposter', 7)}`);
      expect((await instance.status()).status).toBe('complete');
    }, patiently);
    expect(await jsonOf(beat('imposter', { sightings: [] }, 7))).toMatchObject({ generation: null });
    expect(await everythingOf('imposter')).toEqual(before);
  });
});

/** A town in its second generation, whose agent works again. */
async function secondLife(town: string): Promise<{ asked: Asked; first: Asked['starts'][number] }> {
  const asked = await litTown(town);
  const [first] = asked.starts;
  if (first === undefined) throw new Error('nothing was started');
  await loseContainer(town);
  await vi.waitFor(async () => {
    expect((await latestRecovery(town))?.status).toBe('complete');
    expect(asked.starts).toHaveLength(2);
  }, patiently);
  asked.sightings = [sightingOf(asked, 'ada')];
  await beat(town, asked, 2);
  return { asked, first };
}

/** What the first restore of the town said of its agents. */
function readyAgents({ restores: [first] }: Asked): AgentReport[] {
  return first === undefined ? [] : goodReport('hono', first.request).agents;
}

describe('invariant 2: an earlier generation changes nothing', () => {
  it('message of an earlier boot: is refused with 409 stale_generation, whatever it says', async () => {
    const { asked, first } = await secondLife('fenced');
    const before = await everythingOf('fenced');
    const recovery = `boot-${bootId('fenced', 1)}`;
    const caller = { life: lifeOf('fenced', 1), rig: 'hono', agent: 'ada' };
    const old: [string, object][] = [
      ['boot', { bootId: bootId('fenced', 1), bootedAt: 1 }],
      ['heartbeat', { bootId: bootId('fenced', 1), at: Date.now(), agents: asked.sightings }],
      ['heartbeat', { bootId: bootId('fenced', 1), at: Date.now(), agents: [] }],
      ['agent-exit', { ...caller, startId: first.startId, bead: 'bead-ada', cause: 'exited', exit: EXIT }],
      [
        'agent-exit',
        { ...caller, startId: asked.starts[1]?.startId, bead: 'bead-ada', cause: 'exited', exit: EXIT },
      ],
      ['checkpoint', { ...caller, bead: 'bead-ada', head: null, data: 'late' }],
      ['finishing', { ...caller, bead: 'bead-ada', finishing: null }],
      ['prime', caller],
      ['credential', caller],
      [
        'done',
        { ...caller, bead: 'bead-ada', branch: 'gt/ada/bead-ada', head: null, prUrl: null, summary: null },
      ],
      [
        'rig-report',
        {
          life: caller.life,
          recoveryId: recovery,
          event: 'rig-ready-hono-1',
          report: failedReport('hono', 'git_auth'),
        },
      ],
      [
        'rig-report',
        { life: caller.life, recoveryId: null, event: null, report: failedReport('hono', 'git_auth') },
      ],
      ['agents-ready', { life: caller.life, recoveryId: null, rig: 'hono', agents: readyAgents(asked) }],
    ];
    for (const [path, body] of old) {
      const answer = await callback('fenced', path, body);
      expect(await problemCode(answer, 409), path).toBe('stale_generation');
    }
    expect(await everythingOf('fenced')).toEqual(before);
  });

  it('cannot pass under the number of a later one', async () => {
    await secondLife('forged');
    const before = await everythingOf('forged');
    for (const life of [
      { bootId: bootId('forged', 1), generation: 2 },
      { bootId: bootId('forged', 2), generation: 1 },
      { bootId: bootId('forged', 2), generation: 3 },
    ]) {
      const body = { life, rig: 'hono', agent: 'ada', bead: 'bead-ada', head: null, data: 'forged' };
      expect(await problemCode(await callback('forged', 'checkpoint', body), 409)).toBe('stale_generation');
    }
    expect(await everythingOf('forged')).toEqual(before);
  });

  it('is refused by the Rig itself, where the Town has not heard of the new boot yet', async () => {
    await litTown('ahead');
    const rig = env.RIG.getByName('ahead/hono');
    await rig.enterGeneration(lifeOf('ahead', 2));
    const before = await agentStatus('ahead', 'hono', 'ada');
    expect(before).toMatchObject({ status: 'pending' });
    const caller = { life: lifeOf('ahead', 1), rig: 'hono', agent: 'ada', bead: 'bead-ada' };
    const answer = await callback('ahead', 'checkpoint', { ...caller, head: null, data: 'late' });
    expect(await problemCode(answer, 409)).toBe('stale_generation');
    expect(await agentStatus('ahead', 'hono', 'ada')).toEqual(before);
  });

  it('moves every agent that started, worked or stalled to pending in one go, and no other', async () => {
    const asked = await litTown('shift', ['ada', 'bob', 'cy', 'dan']);
    await jsonOf(operator('PUT', '/api/towns/shift/rigs/hono/agents/idler', {}));
    await runInDurableObject(env.RIG.getByName('shift/hono'), async (_, { storage }) => {
      storage.sql.exec(`UPDATE agents SET status = 'starting' WHERE agent = 'ada'`);
      storage.sql.exec(`UPDATE agents SET status = 'stalled' WHERE agent = 'bob'`);
      storage.sql.exec(`UPDATE agents SET status = 'failed', startId = NULL WHERE agent = 'dan'`);
      await storage.deleteAlarm();
    });
    await env.RIG.getByName('shift/hono').enterGeneration(lifeOf('shift', 2));
    const { agents } = await jsonOf(operator('GET', '/api/towns/shift/rigs/hono/agents'));
    expect(
      Object.fromEntries(
        (agents as { agent: string; status: string }[]).map((row) => [row.agent, row.status]),
      ),
    ).toEqual({
      ada: 'pending',
      bob: 'pending',
      cy: 'pending',
      dan: 'failed',
      idler: 'idle',
    });
    expect(asked.starts).toHaveLength(4);
  });

  it('the end of a container does the same, before any new one is there', async () => {
    await litTown('ended');
    machines.delete('ended');
    await loseContainer('ended');
    expect(await agentStatus('ended', 'hono', 'ada')).toMatchObject({ status: 'pending', attempts: 0 });
    const late = await beat('ended', { sightings: [] });
    expect(await problemCode(late, 409)).toBe('stale_generation');
  });
});

describe('an exit', () => {
  it('of another start than the one in force is ignored', async () => {
    const asked = await litTown('starts');
    const before = await everythingOf('starts');
    const { startId: _, ...sighting } = sightingOf(asked, 'ada');
    const exit = { life: lifeOf('starts'), ...sighting, cause: 'exited', exit: EXIT };
    expect((await callback('starts', 'agent-exit', { ...exit, startId: crypto.randomUUID() })).status).toBe(
      204,
    );
    expect(await everythingOf('starts')).toEqual(before);
  });

  it('told twice counts once', async () => {
    const asked = await litTown('doubled');
    const exit = { life: lifeOf('doubled'), ...sightingOf(asked, 'ada'), cause: 'exited', exit: EXIT };
    for (const _ of [1, 2]) expect((await callback('doubled', 'agent-exit', exit)).status).toBe(204);
    expect(await agentStatus('doubled', 'hono', 'ada')).toMatchObject({ status: 'pending', attempts: 1 });
  });
});

describe('done', () => {
  it('told twice is done once', async () => {
    await litTown('finish');
    const message = {
      life: lifeOf('finish'),
      rig: 'hono',
      agent: 'ada',
      bead: 'bead-ada',
      branch: 'gt/ada/bead-ada',
      head: 'b'.repeat(40),
      prUrl: 'https://git.test/pr/1',
      summary: 'all of it',
    };
    for (const _ of [1, 2]) {
      expect((await callback('finish', 'done', message)).status).toBe(204);
      expect(await agentStatus('finish', 'hono', 'ada')).toMatchObject({ status: 'idle', bead: null });
    }
    const rows = await runInDurableObject(env.RIG.getByName('finish/hono'), (_, { storage }) =>
      storage.sql.exec('SELECT bead, head, prUrl FROM finished').toArray(),
    );
    expect(rows).toEqual([{ bead: 'bead-ada', head: message.head, prUrl: message.prUrl }]);
  });

  it('for a bead that is not hooked is refused', async () => {
    await litTown('unhooked');
    const before = await everythingOf('unhooked');
    const caller = { life: lifeOf('unhooked'), rig: 'hono', agent: 'ada', bead: 'other' };
    const answer = await callback('unhooked', 'done', {
      ...caller,
      branch: 'x',
      head: null,
      prUrl: null,
      summary: null,
    });
    expect(await problemCode(answer, 409)).toBe('bead_not_hooked');
    expect(await everythingOf('unhooked')).toEqual(before);
  });

  it('that the end of the container cut off is completed by the next start, unless it was taken back', async () => {
    const asked = await litTown('cut');
    const finishing = { head: 'b'.repeat(40), prUrl: null, summary: 'all of it', discard: false };
    const caller = { life: lifeOf('cut'), rig: 'hono', agent: 'ada', bead: 'bead-ada' };
    expect((await callback('cut', 'finishing', { ...caller, finishing })).status).toBe(204);
    await loseContainer('cut');
    await vi.waitFor(() => expect(asked.starts).toHaveLength(2), patiently);
    expect(asked.starts.map((start) => start.finishing)).toEqual([null, finishing]);
    const later = { ...caller, life: lifeOf('cut', 2), finishing: null };
    expect((await callback('cut', 'finishing', later)).status).toBe(204);
    await loseContainer('cut');
    await vi.waitFor(() => expect(asked.starts).toHaveLength(3), patiently);
    expect(asked.starts[2]?.finishing).toBeNull();
  });

  it('leaves nothing that a recovery would do again', async () => {
    const asked = await litTown('redone');
    await addRig('redone', 'zod', ['cy']);
    await vi.waitFor(() => expect(asked.starts).toHaveLength(2), patiently);
    const caller = { life: lifeOf('redone'), rig: 'hono', agent: 'ada', bead: 'bead-ada' };
    await callback('redone', 'done', { ...caller, branch: 'x', head: null, prUrl: null, summary: null });
    await loseContainer('redone');
    await vi.waitFor(() => expect(asked.starts).toHaveLength(3), patiently);
    expect(asked.starts[2]).toMatchObject({ rig: 'zod', agent: 'cy' });
    expect((await latestRecovery('redone'))?.rigs.map(({ rig }) => rig)).toEqual(['zod']);
  });
});
