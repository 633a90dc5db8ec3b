import { env, SELF } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { createApp } from '../../src/http/app.ts';
import { AgentView } from '../../src/contract/agent.ts';
import { RigView } from '../../src/contract/rig.ts';
import { TownView } from '../../src/contract/town.ts';
import {
  jsonOf,
  lifeOf,
  litTown,
  machineOf,
  patiently,
  primeOf,
  problemCode,
  readUntil,
  tick,
} from './scene.ts';
import { Rig } from '../../src/objects/rig.ts';
import { addRig, callback, latestRecovery, makeTown, operator } from './town.ts';

const HEAD = 'a'.repeat(40);

describe('towns', () => {
  it('are made, shown, changed, listed and removed', async () => {
    const made = TownView.parse(await jsonOf(operator('PUT', '/api/towns/meadow', { drainSeconds: 5 })));
    expect(made).toMatchObject({ town: 'meadow', state: 'dark', drainSeconds: 5, generation: 0, boot: null });
    expect(await jsonOf(operator('GET', '/api/towns/meadow'))).toEqual(made);
    const changed = await jsonOf(operator('PUT', '/api/towns/meadow', { agentCommand: 'kilo' }));
    expect(changed).toMatchObject({ agentCommand: 'kilo', drainSeconds: 30, createdAt: made.createdAt });
    expect((await jsonOf(operator('GET', '/api/towns'))).towns).toContain('meadow');
    expect(await jsonOf(operator('DELETE', '/api/towns/meadow'))).toEqual({ left: [] });
    expect(await problemCode(await operator('GET', '/api/towns/meadow'), 404)).toBe('unknown_town');
    expect((await jsonOf(operator('GET', '/api/towns'))).towns).not.toContain('meadow');
  });

  it('are empty again when made anew after their removal', async () => {
    await litTown('phoenix');
    expect(await jsonOf(operator('DELETE', '/api/towns/phoenix'))).toEqual({ left: [] });
    expect(await problemCode(await operator('GET', '/api/towns/phoenix/rigs/hono'), 404)).toBe(
      'unknown_town',
    );
    await makeTown('phoenix');
    expect((await jsonOf(operator('GET', '/api/towns/phoenix'))).generation).toBe(0);
    expect(await jsonOf(operator('GET', '/api/towns/phoenix/rigs'))).toEqual({ rigs: [] });
    await jsonOf(operator('PUT', '/api/towns/phoenix/rigs/hono', { gitUrl: 'https://git.test/hono.git' }));
    expect(await jsonOf(operator('GET', '/api/towns/phoenix/rigs/hono/agents'))).toEqual({ agents: [] });
  });

  it('take their container with them, whose agents have work', async () => {
    const asked = await litTown('quenched', ['ada', 'bob']);
    await jsonOf(operator('DELETE', '/api/towns/quenched'));
    await tick('quenched');
    expect(asked.boots).toBe(1);
    expect(machineOf('quenched').running).toBeNull();
  });

  it('are removed though the remote of a rig keeps their snapshots, which is said', async () => {
    await makeTown('leaving');
    await jsonOf(operator('PUT', '/api/towns/leaving', { snapshotStore: 'git' }));
    const gitUrls = { away: 'https://git.invalid/a.git', shell: 'git@git.test:a.git' };
    for (const [rig, gitUrl] of Object.entries(gitUrls))
      await jsonOf(operator('PUT', `/api/towns/leaving/rigs/${rig}`, { gitUrl }));
    expect(await jsonOf(operator('DELETE', '/api/towns/leaving'))).toEqual({
      left: [
        { rig: 'away', fault: expect.objectContaining({ code: 'git_unreachable' }) },
        { rig: 'shell', fault: expect.objectContaining({ code: 'snapshot_store' }) },
      ],
    });
    expect(await problemCode(await operator('GET', '/api/towns/leaving'), 404)).toBe('unknown_town');
  });
});

describe('rigs', () => {
  it('are registered, shown, changed, listed and removed with their agents', async () => {
    await makeTown('rigging');
    const at = '/api/towns/rigging/rigs/hono';
    const made = RigView.parse(await jsonOf(operator('PUT', at, { gitUrl: 'git@git.test:hono.git' })));
    expect(made).toMatchObject({ rig: 'hono', state: 'dark', agents: 0, activeAgents: 0, generation: 0 });
    const spec = { gitUrl: 'ssh://git@git.test/hono.git', defaultBranch: 'trunk', credential: 'HOST' };
    expect(await jsonOf(operator('PUT', at, spec))).toMatchObject(spec);
    expect(await jsonOf(operator('GET', at))).toMatchObject(spec);
    await jsonOf(operator('PUT', `${at}/agents/ada`, {}));
    expect((await jsonOf(operator('GET', '/api/towns/rigging/rigs'))).rigs).toEqual([
      expect.objectContaining({ rig: 'hono', agents: 1 }),
    ]);
    expect(await jsonOf(operator('DELETE', at))).toEqual({ left: [] });
    expect(await problemCode(await operator('GET', at), 404)).toBe('unknown_rig');
    await jsonOf(operator('PUT', at, spec));
    expect(await jsonOf(operator('GET', `${at}/agents`))).toEqual({ agents: [] });
  });

  it('stop their running agents when they are removed', async () => {
    const asked = await litTown('unrigged');
    expect(await jsonOf(operator('DELETE', '/api/towns/unrigged/rigs/hono'))).toEqual({ left: [] });
    expect(asked.stops).toEqual(['hono/ada']);
  });
});

describe('agents', () => {
  it('are added, shown, changed, listed and removed with their checkpoints', async () => {
    const asked = await litTown('roster');
    const at = '/api/towns/roster/rigs/hono/agents/ada';
    const view = AgentView.parse(await jsonOf(operator('GET', at)));
    expect(view).toMatchObject({
      agent: 'ada',
      role: 'polecat',
      status: 'working',
      branch: 'gt/ada/bead-ada',
    });
    expect(await jsonOf(operator('PUT', at, { role: 'witness' }))).toMatchObject({
      role: 'witness',
      status: 'working',
    });
    expect((await jsonOf(operator('GET', '/api/towns/roster/rigs/hono/agents'))).agents).toHaveLength(1);
    await jsonOf(
      callback('roster', 'checkpoint', {
        life: lifeOf('roster'),
        rig: 'hono',
        agent: 'ada',
        bead: 'bead-ada',
        head: HEAD,
        data: { step: 1 },
      }),
    );
    expect((await jsonOf(operator('GET', `${at}/checkpoints`))).checkpoints).toEqual([
      expect.objectContaining({ bead: 'bead-ada', generation: 1, head: HEAD, data: { step: 1 } }),
    ]);
    expect((await primeOf('roster')).checkpoint?.data).toEqual({ step: 1 });
    expect((await operator('DELETE', at)).status).toBe(204);
    expect(asked.stops).toEqual(['hono/ada']);
    expect(await problemCode(await operator('GET', at), 404)).toBe('unknown_agent');
    await jsonOf(operator('PUT', at, {}));
    expect(await jsonOf(operator('GET', `${at}/checkpoints`))).toEqual({ checkpoints: [] });
  });
});

describe('the container', () => {
  it('is started, stopped and killed on request', async () => {
    const asked = await makeTown('engine');
    const act = (action: string) => jsonOf(operator('POST', '/api/towns/engine/container', { action }));
    await act('start');
    expect(asked.boots).toBe(1);
    await vi.waitFor(
      async () => expect((await latestRecovery('engine'))?.status).toBe('complete'),
      patiently,
    );
    expect(await jsonOf(operator('GET', '/api/towns/engine'))).toMatchObject({ state: 'lit', generation: 1 });
    expect(await act('stop')).toMatchObject({ state: 'dark' });
    await act('start');
    expect(asked.boots).toBe(2);
    expect(await act('kill')).toMatchObject({ state: 'dark' });
  });
});

describe('recoveries', () => {
  it('are listed newest first, shown by id and as the latest', async () => {
    await litTown('annals');
    const { recoveryId } = await jsonOf(operator('POST', '/api/towns/annals/recoveries', {}));
    const at = '/api/towns/annals/recoveries';
    await vi.waitFor(
      async () => expect((await latestRecovery('annals'))?.recoveryId).toBe(recoveryId),
      patiently,
    );
    await vi.waitFor(
      async () => expect((await latestRecovery('annals'))?.status).toBe('complete'),
      patiently,
    );
    const { recoveries } = await jsonOf(operator('GET', at));
    expect(recoveries).toEqual([
      expect.objectContaining({ recoveryId, trigger: 'replay', generation: 1 }),
      expect.objectContaining({ recoveryId: `boot-${lifeOf('annals').bootId}`, trigger: 'boot' }),
    ]);
    expect(await jsonOf(operator('GET', `${at}/${String(recoveryId)}`))).toMatchObject({
      rigs: [{ rig: 'hono', status: 'ready', agents: [{ agent: 'ada', branch: 'gt/ada/bead-ada' }] }],
    });
  });
});

describe('the event stream', () => {
  it('tells what changes, and from where the reader left off', async () => {
    await makeTown('wire');
    const stream = await operator('GET', '/api/towns/wire/events');
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    await jsonOf(operator('PUT', '/api/towns/wire/rigs/hono', { gitUrl: 'https://git.test/hono.git' }));
    await jsonOf(operator('PUT', '/api/towns/wire/rigs/hono/agents/ada', {}));
    expect(await readUntil(stream, 'agent')).toContain('"agent":"ada"');
    const again = await SELF.fetch('https://relight.test/api/towns/wire/events', {
      headers: { authorization: 'Bearer operator-token', 'last-event-id': '0' },
    });
    expect(await readUntil(again, 'agent')).toMatch(/id: 1\n/);
  });
});

describe('the surface', () => {
  it('answers the health check without a token', async () => {
    const answer = await SELF.fetch('https://relight.test/healthz');
    expect(answer.status).toBe(200);
  });

  it('describes every operator route in OpenAPI 3.1', async () => {
    const document = await jsonOf(SELF.fetch('https://relight.test/openapi.json'));
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info).toMatchObject({ title: 'Relight', version: expect.any(String) });
    const paths = z
      .record(
        z.string(),
        z.record(z.string(), z.looseObject({ responses: z.record(z.string(), z.unknown()) })),
      )
      .parse(document.paths);
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = createApp()
      .routes.filter(({ method, path }) => method !== 'ALL' && path.startsWith('/api/'))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    expect(described.filter((route) => route.includes('/api/')).toSorted()).toEqual(
      [...new Set(served)].toSorted(),
    );
    for (const [path, methods] of Object.entries(paths)) {
      for (const operation of Object.values(methods)) {
        const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        const parameters =
          z
            .array(z.looseObject({ name: z.string() }))
            .optional()
            .parse(operation.parameters) ?? [];
        expect(
          parameters.map(({ name }) => name),
          path,
        ).toEqual(named);
        if (path.startsWith('/api/')) expect(operation.security, path).toEqual([{ operator: [] }]);
      }
    }
    expect(document.components).toMatchObject({
      securitySchemes: { operator: { type: 'http', scheme: 'bearer' } },
    });
  });

  it('offers each operation that the design lists', async () => {
    const { paths } = await jsonOf(SELF.fetch('https://relight.test/openapi.json'));
    const agent = '/api/towns/{town}/rigs/{rig}/agents/{agent}';
    expect(Object.keys(z.record(z.string(), z.unknown()).parse(paths))).toEqual(
      expect.arrayContaining([
        '/api/towns',
        '/api/towns/{town}',
        '/api/towns/{town}/rigs',
        '/api/towns/{town}/rigs/{rig}',
        '/api/towns/{town}/rigs/{rig}/agents',
        agent,
        `${agent}/hook`,
        `${agent}/prime`,
        `${agent}/checkpoints`,
        `${agent}/log`,
        `${agent}/log/{after}`,
        '/api/towns/{town}/recoveries',
        '/api/towns/{town}/recoveries/{recoveryId}',
        '/api/towns/{town}/container',
        '/api/towns/{town}/events',
      ]),
    );
  });

  it('keeps no state of a town that nobody made', async () => {
    await operator('GET', '/api/towns/ghost');
    expect(await env.TOWN.getByName('~towns').towns()).not.toContain('ghost');
  });
});

describe('the removal of a rig', () => {
  it('that is cut off in the middle is a removal for everybody, and ends when it is repeated', async () => {
    await litTown('halved');
    const erase = vi.spyOn(Rig.prototype, 'erase').mockRejectedValueOnce(new Error('the object was reset'));
    expect((await operator('DELETE', '/api/towns/halved/rigs/hono')).status).toBe(500);
    expect(await jsonOf(operator('GET', '/api/towns/halved/rigs'))).toEqual({ rigs: [] });
    expect(await problemCode(await operator('GET', '/api/towns/halved/rigs/hono'), 404)).toBe('unknown_rig');
    expect(await jsonOf(operator('DELETE', '/api/towns/halved/rigs/hono'))).toEqual({ left: [] });
    expect(erase).toHaveBeenCalledTimes(2);
    expect(await problemCode(await operator('DELETE', '/api/towns/halved/rigs/hono'), 404)).toBe(
      'unknown_rig',
    );
    erase.mockRestore();
  });

  it('that is cut off goes on by itself, and by the next registration', async () => {
    await litTown('resumed');
    const erase = vi.spyOn(Rig.prototype, 'erase');
    for (const finish of [() => tick('resumed'), () => addRig('resumed', 'hono', [])]) {
      erase.mockRejectedValueOnce(new Error('the object was reset'));
      expect((await operator('DELETE', '/api/towns/resumed/rigs/hono')).status).toBe(500);
      await finish();
      await addRig('resumed', 'hono', []);
      expect(await jsonOf(operator('GET', '/api/towns/resumed/rigs/hono/agents'))).toEqual({ agents: [] });
    }
    expect(erase).toHaveBeenCalledTimes(4);
    erase.mockRestore();
  });
});
