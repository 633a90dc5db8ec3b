import { SELF } from 'cloudflare:test';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { everythingOf, jsonOf, lifeOf, litTown, primeOf, problemCode } from './scene.ts';
import { callback, makeTown, operator, tokenOf } from './town.ts';

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
  it('that git or a file system would take amiss are refused for towns, rigs, agents and recoveries', async () => {
    for (const id of wrong) {
      const agent = `/api/towns/calm/rigs/hono/agents/${id}`;
      for (const [method, path, body] of [
        ['PUT', `/api/towns/${id}`, {}],
        ['GET', `/api/towns/${id}/events`],
        ['PUT', `/api/towns/calm/rigs/${id}`, RIG],
        ['PUT', agent, {}],
        ['GET', `${agent}/log`],
        ['GET', `/api/towns/calm/rigs/hono/agents/ada/log/${id}`],
        ['GET', `/api/towns/calm/recoveries/${id}`],
      ] as const) {
        expect(await refused(() => operator(method, path, body), 400), path).toBe('invalid_request');
      }
    }
  });

  it('that git or a file system would take amiss are refused for beads', async () => {
    for (const id of ['', ...wrong.map(decodeURIComponent)]) {
      const body = { bead: { id, title: 't' } };
      const hook = () => operator('PUT', '/api/towns/calm/rigs/hono/agents/ada/hook', body);
      expect(await refused(hook, 400), id).toBe('invalid_request');
    }
  });

  it.each(['a', '0', 'a'.repeat(63), 'a.b', 'a_b-c', 'a.lock.b'])('such as %j are taken', async (id) => {
    expect(await jsonOf(operator('PUT', `/api/towns/${id}`, {}))).toMatchObject({ town: id });
  });
});

describe('git URLs', () => {
  it('other than http(s), ssh and user@host:path are refused, and so are secrets and options in them', async () => {
    for (const gitUrl of [
      '/srv/git/hono.git',
      '../hono',
      'file:///srv/git/hono.git',
      'ext::sh -c touch% /tmp/pwned',
      '-uwhatever',
      '--upload-pack=touch /tmp/pwned',
      'ssh://-oProxyCommand=x/path',
      'git@-oProxyCommand=x:path',
      'git://git.test/hono.git',
      'https://ada:secret@git.test/hono.git',
      'https://secret@git.test/hono.git',
      'https://git.test/a b.git',
      'https://git.test/hono.git\n',
      'https:git.test/hono.git',
      '',
      42,
      null,
    ]) {
      const put = () => operator('PUT', '/api/towns/calm/rigs/hono', { gitUrl });
      expect(await refused(put, 400), String(gitUrl)).toBe('invalid_request');
    }
  });

  it.each([
    'https://git.test:8443/a/b/c.git',
    'http://git.test:3000/hono',
    'ssh://git@git.test:2222/~ada/hono.git',
    'git@git.test:ada/hono.git',
  ])('such as %j are taken', async (gitUrl) => {
    await makeTown('remotes');
    const put = operator('PUT', '/api/towns/remotes/rigs/hono', { gitUrl });
    expect(await jsonOf(put)).toMatchObject({ gitUrl });
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
    ['PUT', '/api/towns/calm', { agentSecrets: { API_KEY: 'sk-value' } }],
    ['PUT', '/api/towns/calm', { agentSecrets: { GT_SOCKET: 'ACME' } }],
    ['PUT', '/api/towns/calm', { agentSecrets: { LD_PRELOAD: 'ACME' } }],
    ['PUT', '/api/towns/calm', { agentSecrets: ['API_KEY'] }],
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
      if (type === '') return;
      const empty = () => send('/api/towns/calm', { body: '', headers: { 'content-type': type } });
      expect(await refused(empty, 415), 'though it is empty').toBe('unsupported_media_type');
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
      const token = await tokenOf('calm');
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
