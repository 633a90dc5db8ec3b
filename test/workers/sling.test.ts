import { runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import { jsonOf, lifeOf, litTown, patiently, problemCode, sightingOf } from './scene.ts';
import { agentStatus, callback, makeTown, operator } from './town.ts';

const ROSTER = (town: string) => `/api/towns/${town}/rigs/hono/agents`;

/** A town with agents of rig `hono` that have nothing to do. */
async function idleTown(town: string, agents: readonly string[] = ['ada', 'bob']) {
  const asked = await makeTown(town);
  await jsonOf(operator('PUT', `/api/towns/${town}/rigs/hono`, { gitUrl: 'https://git.test/hono.git' }));
  for (const agent of agents) await jsonOf(operator('PUT', `${ROSTER(town)}/${agent}`, {}));
  return asked;
}

function sling(town: string, agent: string, bead: string, branch?: string): Promise<Response> {
  const body = { bead: { id: bead, title: bead }, ...(branch === undefined ? {} : { branch }) };
  return operator('PUT', `${ROSTER(town)}/${agent}/hook`, body);
}

describe('slinging a bead', () => {
  it('hooks it on the default branch gt/<agent>/<bead>', async () => {
    await idleTown('plain');
    expect(await jsonOf(sling('plain', 'ada', 'b.1'))).toMatchObject({
      status: 'pending',
      branch: 'gt/ada/b.1',
      bead: { id: 'b.1', title: 'b.1', body: '' },
      attempts: 0,
    });
  });

  it('keeps an explicit branch, also when the same bead is slung again without one', async () => {
    await idleTown('explicit');
    expect(await jsonOf(sling('explicit', 'ada', 'b', 'feature/x'))).toMatchObject({ branch: 'feature/x' });
    expect(await jsonOf(sling('explicit', 'ada', 'b'))).toMatchObject({ branch: 'feature/x' });
    expect(await jsonOf(sling('explicit', 'ada', 'b', 'feature/y'))).toMatchObject({ branch: 'feature/x' });
  });

  it('twice starts the agent once', async () => {
    const asked = await idleTown('twice');
    await jsonOf(sling('twice', 'ada', 'b'));
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
    const before = await agentStatus('twice', 'hono', 'ada');
    await jsonOf(sling('twice', 'ada', 'b'));
    await runDurableObjectAlarm(env.RIG.getByName('twice/hono'));
    expect(await agentStatus('twice', 'hono', 'ada')).toEqual(before);
    expect(asked.starts).toHaveLength(1);
  });

  it('at the same time to many agents starts each of them once', async () => {
    const agents = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const asked = await idleTown('crowd', agents);
    await Promise.all(agents.flatMap((agent) => [sling('crowd', agent, 'x'), sling('crowd', agent, 'x')]));
    await vi.waitFor(() => expect(asked.starts).toHaveLength(agents.length), patiently);
    expect(new Set(asked.starts.map(({ agent }) => agent)).size).toBe(agents.length);
    expect(asked.boots).toBe(1);
  });

  it('on a busy agent is refused and leaves its bead alone', async () => {
    await idleTown('busy');
    await jsonOf(sling('busy', 'ada', 'b1'));
    expect(await problemCode(await sling('busy', 'ada', 'b2'), 409)).toBe('agent_busy');
    expect(await agentStatus('busy', 'hono', 'ada')).toMatchObject({
      bead: { id: 'b1' },
      branch: 'gt/ada/b1',
    });
  });

  it('on the branch of another agent is refused and hooks nothing', async () => {
    await idleTown('taken');
    await jsonOf(sling('taken', 'ada', 'b', 'shared'));
    expect(await problemCode(await sling('taken', 'bob', 'c', 'shared'), 409)).toBe('branch_taken');
    expect(await agentStatus('taken', 'hono', 'bob')).toMatchObject({
      status: 'idle',
      bead: null,
      branch: null,
    });
    expect((await operator('DELETE', `${ROSTER('taken')}/ada/hook`)).status).toBe(204);
    expect(await jsonOf(sling('taken', 'bob', 'c', 'shared'))).toMatchObject({ branch: 'shared' });
  });

  it('is undone by unhooking, twice as well as once', async () => {
    const asked = await litTown('undone');
    for (const _ of [1, 2]) {
      expect((await operator('DELETE', `${ROSTER('undone')}/ada/hook`)).status).toBe(204);
      expect(await agentStatus('undone', 'hono', 'ada')).toMatchObject({
        status: 'idle',
        bead: null,
        branch: null,
      });
    }
    expect(asked.stops).toEqual(['hono/ada']);
    expect(await jsonOf(sling('undone', 'ada', 'next'))).toMatchObject({ branch: 'gt/ada/next' });
    await vi.waitFor(() => expect(asked.starts.at(-1)?.bead).toBe('next'), patiently);
  });

  it('no agent command: again resumes an agent that was given up, with its attempts forgotten and its branch kept', async () => {
    const asked = await idleTown('reslung');
    await jsonOf(operator('PUT', '/api/towns/reslung', {}));
    await jsonOf(sling('reslung', 'ada', 'b', 'own/branch'));
    await vi.waitFor(async () => {
      expect(await agentStatus('reslung', 'hono', 'ada')).toMatchObject({
        status: 'failed',
        fault: { code: 'no_agent_command' },
      });
    }, patiently);
    await jsonOf(operator('PUT', '/api/towns/reslung', { agentCommand: 'true' }));
    expect(await jsonOf(sling('reslung', 'ada', 'b'))).toMatchObject({
      status: 'pending',
      branch: 'own/branch',
      fault: null,
    });
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
  });

  it('no agent command: needs no second sling once the agent is given one', async () => {
    const asked = await idleTown('equipped');
    await jsonOf(operator('PUT', '/api/towns/equipped', {}));
    await jsonOf(sling('equipped', 'ada', 'b'));
    await vi.waitFor(
      async () => expect(await agentStatus('equipped', 'hono', 'ada')).toMatchObject({ status: 'failed' }),
      patiently,
    );
    await jsonOf(operator('PUT', `${ROSTER('equipped')}/ada`, { agentCommand: 'true' }));
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
  });

  it('gives the agent its own command before the one of the rig and the town', async () => {
    const asked = await litTown('commands');
    expect(asked.starts[0]).toMatchObject({ command: 'true', branch: 'gt/ada/bead-ada', role: 'polecat' });
    const next = async (bead: string) => {
      await operator('DELETE', `${ROSTER('commands')}/ada/hook`);
      await jsonOf(sling('commands', 'ada', bead));
      await vi.waitFor(() => expect(asked.starts.at(-1)?.bead).toBe(bead), patiently);
      return asked.starts.at(-1);
    };
    const spec = { gitUrl: 'https://git.test/hono.git', agentCommand: 'of-rig' };
    await jsonOf(operator('PUT', '/api/towns/commands/rigs/hono', spec));
    expect(await next('b2')).toMatchObject({ command: 'of-rig' });
    await jsonOf(operator('PUT', `${ROSTER('commands')}/ada`, { agentCommand: 'of-agent' }));
    expect(await next('b3')).toMatchObject({ command: 'of-agent' });
  });

  it('of a bead that was done starts it anew', async () => {
    const asked = await litTown('anew');
    const done = { life: lifeOf('anew'), rig: 'hono', agent: 'ada', branch: 'gt/ada/bead-ada', head: null };
    const send = () => callback('anew', 'done', { ...done, bead: 'bead-ada', prUrl: null, summary: null });
    expect((await send()).status).toBe(204);
    await jsonOf(sling('anew', 'ada', 'bead-ada'));
    await vi.waitFor(() => expect(asked.starts).toHaveLength(2), patiently);
    expect(sightingOf(asked, 'ada').startId).not.toBe(asked.starts[0]?.startId);
    expect((await send()).status).toBe(204);
    expect(await agentStatus('anew', 'hono', 'ada')).toMatchObject({ status: 'idle' });
  });
});
