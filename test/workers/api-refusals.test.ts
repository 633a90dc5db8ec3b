import { SELF } from 'cloudflare:test';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { signContainerToken } from '../../src/platform/token.ts';
import { everythingOf, jsonOf, lifeOf, litTown, primeOf, problemCode } from './scene.ts';
import { callback, makeTown, operator } from './town.ts';

const ORIGIN = 'https://relight.test';
const RIG = { gitUrl: 'https://git.test/hono.git' };
const MAX_BODY_BYTES = 1024 * 1024;
const MAX_CHECKPOINT_BYTES = 256 * 1024;

let known: unknown;

beforeAll(async () => {
  await litTown('calm');
  known = await everythingOf('calm');
});

afterEach(async () => {
  expect(await everythingOf('calm'), 'a refused call changed something').toEqual(known);
});

/** The code of a call that must be refused; after each test the town is as it was before. */
async function refused(call: () => Promise<Response>, status: number): Promise<string> {
  return problemCode(await call(), status);
}

function checkpointOf(data: unknown) {
  return { life: lifeOf('calm'), rig: 'hono', agent: 'ada', bead: 'bead-ada', head: null, data };
}

describe('what is not there', () => {
  const hook = { bead: { id: 'b', title: 't' } };
  it.each([
    ['GET', '/api/towns/nope', 'unknown_town'],
    ['DELETE', '/api/towns/nope', 'unknown_town'],
    ['PUT', '/api/towns/nope/rigs/hono', 'unknown_town', RIG],
    ['GET', '/api/towns/nope/rigs', 'unknown_town'],
    ['GET', '/api/towns/nope/rigs/hono/agents', 'unknown_town'],
    ['POST', '/api/towns/nope/recoveries', 'unknown_town', {}],
    ['GET', '/api/towns/nope/recoveries', 'unknown_town'],
    ['GET', '/api/towns/nope/recoveries/latest', 'unknown_town'],
    ['POST', '/api/towns/nope/container', 'unknown_town', { action: 'start' }],
    ['GET', '/api/towns/nope/events', 'unknown_town'],
    ['GET', '/api/towns/calm/rigs/nope', 'unknown_rig'],
    ['DELETE', '/api/towns/calm/rigs/nope', 'unknown_rig'],
    ['GET', '/api/towns/calm/rigs/nope/agents', 'unknown_rig'],
    ['PUT', '/api/towns/calm/rigs/nope/agents/ada', 'unknown_rig', {}],
    ['POST', '/api/towns/calm/recoveries', 'unknown_rig', { rigs: ['hono', 'nope'] }],
    ['GET', '/api/towns/calm/rigs/hono/agents/nope', 'unknown_agent'],
    ['DELETE', '/api/towns/calm/rigs/hono/agents/nope', 'unknown_agent'],
    ['PUT', '/api/towns/calm/rigs/hono/agents/nope/hook', 'unknown_agent', hook],
    ['DELETE', '/api/towns/calm/rigs/hono/agents/nope/hook', 'unknown_agent'],
    ['GET', '/api/towns/calm/rigs/hono/agents/nope/prime', 'unknown_agent'],
    ['GET', '/api/towns/calm/rigs/hono/agents/nope/checkpoints', 'unknown_agent'],
    ['GET', '/api/towns/calm/rigs/hono/agents/nope/log', 'unknown_agent'],
    ['GET', `/api/towns/calm/recoveries/boot-${'0'.repeat(32)}`, 'unknown_recovery'],
    ['GET', '/api/nothing', 'not_found'],
    ['GET', '/nothing', 'not_found'],
  ])('%s %s is answered 404 %s', async (method, path, code, body?: unknown) => {
    expect(await refused(() => operator(method, path, body), 404)).toBe(code);
  });

  it('has no latest recovery in a town that was never started', async () => {
    await makeTown('unlit');
    expect(await problemCode(await operator('GET', '/api/towns/unlit/recoveries/latest'), 404)).toBe(
      'unknown_recovery',
    );
  });
});

describe('ids', () => {
  const wrong = [
    'a..b',
    'a.',
    'a.lock',
    'Ada',
    'a'.repeat(64),
    'a%2Fb',
    '.a',
    '-a',
    'a%20b',
    'a%0A',
    'a%00',
    '~towns',
  ];
  it.each(wrong)('such as %j are refused for towns, rigs, agents and recoveries', async (id) => {
    expect(await refused(() => operator('PUT', `/api/towns/${id}`, {}), 400)).toBe('invalid_request');
    expect(await refused(() => operator('GET', `/api/towns/${id}/events`), 400)).toBe('invalid_request');
    expect(await refused(() => operator('PUT', `/api/towns/calm/rigs/${id}`, RIG), 400)).toBe(
      'invalid_request',
    );
    const agent = `/api/towns/calm/rigs/hono/agents/${id}`;
    expect(await refused(() => operator('PUT', agent, {}), 400)).toBe('invalid_request');
    expect(await refused(() => operator('GET', `${agent}/log`), 400)).toBe('invalid_request');
    expect(await refused(() => operator('GET', `/api/towns/calm/recoveries/${id}`), 400)).toBe(
      'invalid_request',
    );
  });

  it.each(['', ...wrong.map(decodeURIComponent)])('such as %j are refused for beads', async (id) => {
    const hook = () =>
      operator('PUT', '/api/towns/calm/rigs/hono/agents/ada/hook', { bead: { id, title: 't' } });
    expect(await refused(hook, 400)).toBe('invalid_request');
  });

  it.each(['a', '0', 'a'.repeat(63), 'a.b', 'a_b-c', 'a.lock.b'])('such as %j are taken', async (id) => {
    expect(await jsonOf(operator('PUT', `/api/towns/${id}`, {}))).toMatchObject({ town: id });
  });
});

describe('git URLs', () => {
  it.each([
    '/srv/git/hono.git',
    './hono',
    '../hono',
    'hono',
    'file:///srv/git/hono.git',
    'ext::sh -c touch% /tmp/pwned',
    'ext::sh',
    '-uwhatever',
    '--upload-pack=touch /tmp/pwned',
    '-oProxyCommand=x@host:path',
    'ssh://-oProxyCommand=x/path',
    'git@-oProxyCommand=x:path',
    'ssh://-x@git.test/hono.git',
    'git://git.test/hono.git',
    'ftp://git.test/hono.git',
    'https://ada:secret@git.test/hono.git',
    'https://secret@git.test/hono.git',
    'ssh://git:secret@git.test/hono.git',
    'https://git.test/a b.git',
    'https://git.test/hono.git\n',
    'https://git.test/\nhono.git',
    'https://',
    'https://git.test',
    'https:git.test/hono.git',
    'https:\\\\git.test\\hono.git',
    'https:/git.test/hono.git',
    'http://[',
    'git@git.test:-path',
    '',
    42,
    null,
  ])('such as %j are refused', async (gitUrl) => {
    expect(await refused(() => operator('PUT', '/api/towns/calm/rigs/hono', { gitUrl }), 400)).toBe(
      'invalid_request',
    );
  });

  it.each([
    'https://git.test/hono.git',
    'http://127.0.0.1:3000/hono',
    'https://git.test:8443/a/b/c.git',
    'ssh://git@git.test/hono.git',
    'ssh://git.test:2222/~ada/hono.git',
    'git@git.test:ada/hono.git',
    'org-1_x@git.test:hono',
  ])('such as %j are taken', async (gitUrl) => {
    await makeTown('remotes');
    expect(await jsonOf(operator('PUT', '/api/towns/remotes/rigs/hono', { gitUrl }))).toMatchObject({
      gitUrl,
    });
  });
});

describe('other facts that an operator sets', () => {
  const agent = '/api/towns/calm/rigs/hono/agents/ada';
  const bead = { id: 'b', title: 't' };
  it.each<[string, string, unknown]>([
    ['PUT', `${agent}/hook`, { bead, branch: 'a..b' }],
    ['PUT', `${agent}/hook`, { bead, branch: '-b' }],
    ['PUT', `${agent}/hook`, { bead, branch: 'HEAD' }],
    ['PUT', `${agent}/hook`, { bead, branch: 'a b' }],
    ['PUT', `${agent}/hook`, { bead, branch: 'a.lock' }],
    ['PUT', `${agent}/hook`, { bead, branch: '' }],
    ['PUT', `${agent}/hook`, { bead: { id: 'b' } }],
    ['PUT', `${agent}/hook`, { bead: { id: 'b', title: '' } }],
    ['PUT', `${agent}/hook`, {}],
    ['PUT', agent, { role: 'boss' }],
    ['PUT', agent, { baseBranch: 'refs/../x' }],
    ['PUT', agent, { agentCommand: '' }],
    ['PUT', '/api/towns/calm/rigs/hono', {}],
    ['PUT', '/api/towns/calm/rigs/hono', { ...RIG, defaultBranch: '-x' }],
    ['PUT', '/api/towns/calm/rigs/hono', { ...RIG, credential: 'ghp_secret' }],
    ['PUT', '/api/towns/calm', { snapshotIntervalSeconds: 1 }],
    ['PUT', '/api/towns/calm', { drainSeconds: 0.5 }],
    ['PUT', '/api/towns/calm', { agentCommand: 'x'.repeat(8193) }],
    ['POST', '/api/towns/calm/container', { action: 'explode' }],
    ['POST', '/api/towns/calm/recoveries', { rigs: [] }],
    ['POST', '/api/towns/calm/recoveries', { rigs: 'hono' }],
    ['PUT', '/api/towns/calm', []],
    ['PUT', '/api/towns/calm', null],
  ])('%s %s refuses %j', async (method, path, body) => {
    expect(await refused(() => operator(method, path, body), 400)).toBe('invalid_request');
  });
});

describe('bodies', () => {
  const send = (path: string, init: RequestInit & { token?: string } = {}) =>
    SELF.fetch(`${ORIGIN}${path}`, {
      method: 'PUT',
      ...init,
      headers: {
        authorization: `Bearer ${init.token ?? 'operator-token'}`,
        'content-type': 'application/json',
        ...(init.headers as Record<string, string> | undefined),
      },
    });

  it('of more than 1 MiB are refused, whether their length is told or not', async () => {
    const big = JSON.stringify({ agentCommand: 'x'.repeat(MAX_BODY_BYTES) });
    expect(await refused(() => send('/api/towns/calm', { body: big }), 413)).toBe('too_large');
    const stream = new Response(big).body?.pipeThrough(new IdentityTransformStream()) ?? null;
    expect(await refused(() => send('/api/towns/calm', { body: stream }), 413)).toBe('too_large');
    expect(await refused(() => callback('calm', 'checkpoint', checkpointOf(big)), 413)).toBe('too_large');
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', ''])(
    'of type %j are refused',
    async (type) => {
      const call = () => send('/api/towns/calm', { body: '{}', headers: { 'content-type': type } });
      expect(await refused(call, 415)).toBe('unsupported_media_type');
    },
  );

  it('may name their charset', async () => {
    const type = { 'content-type': 'Application/JSON; charset=utf-8' };
    expect((await send('/api/towns/charset', { body: '{}', headers: type })).status).toBe(200);
  });

  it.each(['{', '{"agentCommand": "a"', 'agentCommand=a', '{} {}', '\u0000'])(
    'of malformed JSON %j are refused by operator and callback routes',
    async (body) => {
      expect(await refused(() => send('/api/towns/calm', { body }), 400)).toBe('invalid_request');
      const token = await signContainerToken('calm', 'container-token-key');
      const call = () => send('/callback/checkpoint', { method: 'POST', body, token });
      expect(await refused(call, 400)).toBe('invalid_request');
    },
  );

  it('hold a checkpoint of 256 KiB and no more', async () => {
    const text = 'é'.repeat((MAX_CHECKPOINT_BYTES - 2) / 2);
    await jsonOf(callback('calm', 'checkpoint', checkpointOf(text)));
    known = await everythingOf('calm');
    expect((await primeOf('calm')).checkpoint?.data).toBe(text);
    expect(await refused(() => callback('calm', 'checkpoint', checkpointOf(`${text}x`)), 413)).toBe(
      'too_large',
    );
  });
});

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
    expect(await refused(() => ask('/api/towns/calm/container', token, { action: 'kill' }), 401)).toBe(
      'unauthorized',
    );
    expect(await refused(() => ask('/api/towns/calm/events', token), 401)).toBe('unauthorized');
    const log = '/api/towns/calm/rigs/hono/agents/ada/log';
    expect(await refused(() => ask(log, token), 401)).toBe('unauthorized');
    expect(await refused(() => ask('/callback/checkpoint', token, checkpointOf('x')), 401)).toBe(
      'unauthorized',
    );
  });

  it('of the operator open no callback, and those of a container no operator route', async () => {
    const container = `Bearer ${await signContainerToken('calm', 'container-token-key')}`;
    expect(await refused(() => ask('/api/towns/calm', container), 401)).toBe('unauthorized');
    const operatorToken = 'Bearer operator-token';
    expect(await refused(() => ask('/callback/checkpoint', operatorToken, checkpointOf(1)), 401)).toBe(
      'unauthorized',
    );
  });

  it('of containers are refused when they are tampered with, signed with another key, or of no signature', async () => {
    const good = await signContainerToken('calm', 'container-token-key');
    const [head = '', , signature = ''] = good.split('.');
    const encode = (facts: unknown) => btoa(JSON.stringify(facts)).replaceAll('=', '');
    const claims = encode({ sub: 'calm', aud: 'relight-container' });
    const bad = [
      await signContainerToken('calm', 'another-key'),
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
      ['prime', { life: lifeOf('calm'), rig: 'hono', agent: 'ada' }],
      ['credential', { life: lifeOf('calm'), rig: 'hono' }],
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
