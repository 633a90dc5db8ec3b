import { env, SELF } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import { callerOf } from '../../src/http/rate-limits.ts';
import { litTown, problemCode } from './scene.ts';
import { bootId, operator, tokenOf } from './town.ts';

/** The limit of wrangler.toml; a window may end in the middle of a test, so twice as many calls always meet it. */
const WRONG_TOKENS = 20;

const ask = (path: string, token: string, address: string, body?: unknown) =>
  SELF.fetch(`https://relight.test${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'cf-connecting-ip': address,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** Asks until it is refused with 429, and gives that answer. */
async function exhausted(call: () => Promise<Response>, limit: number): Promise<Response> {
  for (let calls = 0; calls <= 2 * limit; calls += 1) {
    const answer = await call();
    if (answer.status === 429) return answer;
    expect(answer.status).toBe(401);
  }
  throw new Error('there is no limit');
}

describe('who tries out operator tokens', () => {
  it('is shut out with a time to come back, from one address and no other', async () => {
    expect((await ask('/api/towns', 'operator-token', '198.51.100.1')).status).toBe(200);
    const { token: late } = await (
      await operator('POST', '/api/operators', { name: 'late' })
    ).json<{ token: string }>();
    const refused = await exhausted(() => ask('/api/towns', 'guess', '198.51.100.1'), WRONG_TOKENS);
    expect(await problemCode(refused, 429)).toBe('rate_limited');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(
      (await ask('/api/towns', late, '198.51.100.1')).status,
      'a right guess is not even looked at',
    ).toBe(429);
    expect((await ask('/api/towns', late, '198.51.100.2')).status).toBe(200);
    const known = await ask('/api/towns', 'operator-token', '198.51.100.1');
    expect(known.status, 'who was known before is still heard').toBe(200);
  });

  it('is one caller with all addresses of a network of 64 bits', () => {
    const of = (address: string) =>
      callerOf(new Request('https://relight.test', { headers: { 'cf-connecting-ip': address } }));
    expect(of('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    expect(of('2001:DB8:1:2::9')).toBe('2001:db8:1:2::/64');
    expect(of('2001:db8::1')).toBe('2001:db8:0:0::/64');
    expect(of('::1')).toBe('0:0:0:0::/64');
    expect(of('198.51.100.7')).toBe('198.51.100.7');
    expect(callerOf(new Request('https://relight.test'))).toBeNull();
  });
});

describe('who sends callbacks', () => {
  const heartbeat = { bootId: bootId('busy', 1), at: 1, agents: [] };

  it('with wrong tokens is told to wait, and the container is heard from the same address', async () => {
    await litTown('busy');
    const guess = () => ask('/callback/heartbeat', 'guess', '198.51.100.3', heartbeat);
    expect(await problemCode(await exhausted(guess, WRONG_TOKENS), 429)).toBe('rate_limited');
    const own = await ask('/callback/heartbeat', await tokenOf('busy'), '198.51.100.3', heartbeat);
    expect(own.status).toBe(200);
  });

  it('too often is told to wait, and neither another address nor another boot with it', async () => {
    const address = '198.51.100.4';
    const key = `busy ${bootId('busy', 1)} ${address}`;
    const limit = vi.spyOn(env.CALLBACK_LIMIT, 'limit');
    limit.mockImplementation(async (asked) => Promise.resolve({ success: asked.key !== key }));
    const token = await tokenOf('busy');
    const refused = await ask('/callback/heartbeat', token, address, heartbeat);
    expect(await problemCode(refused, 429)).toBe('rate_limited');
    expect(refused.headers.get('retry-after')).toBe('10');
    expect((await ask('/callback/heartbeat', token, '198.51.100.5', heartbeat)).status).toBe(200);
    const other = await ask(
      '/callback/heartbeat',
      await tokenOf('busy', bootId('busy', 2)),
      address,
      heartbeat,
    );
    expect(await problemCode(other, 401), 'counted apart, and refused for what it is').toBe('unauthorized');
    limit.mockRestore();
  });
});

describe('a body', () => {
  it('of more than 1 MiB is refused on every way in that reads one', async () => {
    const pad = 'x'.repeat(1024 * 1024 + 1);
    const token = await tokenOf('busy');
    for (const path of ['snapshots/wanted', 'repo-caches/wanted', 'heartbeat', 'boot'])
      expect(await problemCode(await ask(`/callback/${path}`, token, '198.51.100.6', { pad }), 413)).toBe(
        'too_large',
      );
  });
});
