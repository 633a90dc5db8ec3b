import { SELF } from 'cloudflare:test';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { everythingOf, jsonOf, lifeOf, litTown, machineOf, problemCode } from './scene.ts';
import { callback, operator, tokenOf } from './town.ts';

const ORIGIN = 'https://relight.test';
const RIG = { gitUrl: 'https://git.test/hono.git' };

let known: unknown;

beforeAll(async () => {
  await litTown('locked');
  known = await everythingOf('locked');
});

afterEach(async () => {
  expect(await everythingOf('locked'), 'a refused call changed something').toEqual(known);
});

/** The code of a call that must be refused; after each test the town is as it was before. */
async function refused(call: () => Promise<Response>, status: number): Promise<string> {
  return problemCode(await call(), status);
}

function checkpointOf(data: unknown) {
  return { life: lifeOf('locked'), rig: 'hono', agent: 'ada', bead: 'bead-ada', head: null, data };
}

describe('tokens', () => {
  const ask = (path: string, authorization: string | null, body?: unknown) =>
    SELF.fetch(`${ORIGIN}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', ...(authorization === null ? {} : { authorization }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  it.each([
    null,
    '',
    'operator-token',
    'Bearer',
    'Bearer ',
    'Bearer wrong',
    'Bearer operator-token extra',
    'Bearer operator-tokenx',
    'Bearer operator-toke',
    'Basic operator-token',
    'Bearer undefined',
  ])('such as %j open neither operator nor callback routes', async (token) => {
    expect(await refused(() => ask('/api/towns', token), 401)).toBe('unauthorized');
    expect(await refused(() => ask('/api/towns/locked/container', token, { action: 'kill' }), 401)).toBe(
      'unauthorized',
    );
    expect(await refused(() => ask('/api/towns/locked/events', token), 401)).toBe('unauthorized');
    const log = '/api/towns/locked/rigs/hono/agents/ada/log';
    expect(await refused(() => ask(log, token), 401)).toBe('unauthorized');
    expect(await refused(() => ask('/callback/checkpoint', token, checkpointOf('x')), 401)).toBe(
      'unauthorized',
    );
  });

  it('of the operator open no callback, and those of a container no operator route', async () => {
    const container = `Bearer ${await tokenOf('locked')}`;
    expect(await refused(() => ask('/api/towns/locked', container), 401)).toBe('unauthorized');
    const operatorToken = 'Bearer operator-token';
    expect(await refused(() => ask('/callback/checkpoint', operatorToken, checkpointOf(1)), 401)).toBe(
      'unauthorized',
    );
  });

  it('are what a control server wants from the Worker as well: one of another key is refused', async () => {
    const log = '/api/towns/locked/rigs/hono/agents/ada/log';
    expect((await operator('GET', log)).status).toBe(200);
    const machine = machineOf('locked');
    const { token } = machine;
    machine.token = await tokenOf('locked', undefined, 'another-key');
    expect(await problemCode(await operator('GET', log), 503)).toBe('control_unreachable');
    machine.token = token;
  });

  it('of containers are refused when they are tampered with, signed with another key, or of no signature', async () => {
    const good = await tokenOf('locked');
    const [head = '', , signature = ''] = good.split('.');
    const encode = (facts: unknown) => btoa(JSON.stringify(facts)).replaceAll('=', '');
    const claims = encode({ sub: 'locked', aud: 'relight-container', boot: lifeOf('locked').bootId });
    const bad = [
      await tokenOf('locked', undefined, 'another-key'),
      `${head}.${encode({ sub: 'other', aud: 'relight-container' })}.${signature}`,
      `${encode({ alg: 'none', typ: 'JWT' })}.${claims}.`,
      `${good.slice(0, -4)}AAAA`,
      `${head}.${claims}`,
    ];
    for (const token of bad) {
      const call = () => ask('/callback/checkpoint', `Bearer ${token}`, checkpointOf('x'));
      expect(await refused(call, 401), token).toBe('unauthorized');
    }
  });

  it('of another town reach nothing in this one', async () => {
    await litTown('rival', ['eve']);
    const exit = { code: 1, signal: null, ranMs: 1, tail: '' };
    const calls: [string, object][] = [
      ['checkpoint', checkpointOf('x')],
      ['prime', { life: lifeOf('locked'), rig: 'hono', agent: 'ada' }],
      ['credential', { life: lifeOf('locked'), rig: 'hono' }],
      ['agent-exit', { ...checkpointOf('x'), startId: crypto.randomUUID(), cause: 'exited', exit }],
    ];
    for (const [path, body] of calls) {
      expect(await refused(() => callback('rival', path, body), 409), path).toBe('stale_generation');
      const own = { ...body, life: lifeOf('rival') };
      const answer = callback('rival', path, own);
      const expected = path === 'credential' ? ['unknown_credential', 422] : ['unknown_agent', 404];
      expect(await refused(() => answer, Number(expected[1])), path).toBe(expected[0]);
    }
  });

  it('of a town that nobody made reach nothing', async () => {
    const answer = await callback('nobody', 'heartbeat', {
      bootId: lifeOf('nobody').bootId,
      at: 1,
      agents: [],
    });
    expect(await problemCode(answer, 404)).toBe('unknown_town');
  });
});

describe('credentials', () => {
  it('are given to the container of the town whose rig names them, and shown nowhere', async () => {
    await litTown('keys');
    const at = '/api/towns/keys/rigs/hono';
    await jsonOf(operator('PUT', at, { ...RIG, credential: 'HOST' }));
    const answer = await jsonOf(callback('keys', 'credential', { life: lifeOf('keys'), rig: 'hono' }));
    expect(answer).toEqual({ username: 'x-access-token', password: 'git-secret' });
    expect(JSON.stringify(await everythingOf('keys'))).not.toContain('git-secret');
  });

  it('are refused where the secret is not set, or the rig names none', async () => {
    await litTown('keyless');
    const ask = () => callback('keyless', 'credential', { life: lifeOf('keyless'), rig: 'hono' });
    expect(await problemCode(await ask(), 422)).toBe('unknown_credential');
    await jsonOf(operator('PUT', '/api/towns/keyless/rigs/hono', { ...RIG, credential: 'NOT_SET' }));
    expect(await problemCode(await ask(), 422)).toBe('unknown_credential');
  });
});

describe("agents' secrets", () => {
  const TOWN_KEYS = '/api/towns/lockers';
  const caller = { life: lifeOf('lockers'), rig: 'hono', agent: 'ada' };

  it('are given to the container of the town that names them, and shown nowhere', async () => {
    await litTown('lockers');
    expect(await jsonOf(callback('lockers', 'secrets', caller))).toEqual({});
    await jsonOf(operator('PUT', TOWN_KEYS, { agentCommand: 'true', agentSecrets: { API_KEY: 'ACME' } }));
    expect(await jsonOf(callback('lockers', 'secrets', caller))).toEqual({ API_KEY: 'sk-0123456789' });
    expect(await jsonOf(operator('GET', TOWN_KEYS))).toMatchObject({ agentSecrets: { API_KEY: 'ACME' } });
    expect(JSON.stringify(await everythingOf('lockers'))).not.toContain('sk-0123456789');
  });

  it('are refused where one is not set, and never are other secrets of the Worker', async () => {
    for (const name of ['NOT_SET', 'RELIGHT_ADMIN_TOKEN', 'CONTAINER_TOKEN_KEY']) {
      await jsonOf(operator('PUT', TOWN_KEYS, { agentCommand: 'true', agentSecrets: { API_KEY: name } }));
      expect(await problemCode(await callback('lockers', 'secrets', caller), 422)).toBe('unknown_secret');
    }
  });
});
