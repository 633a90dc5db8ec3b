import { env, SELF } from 'cloudflare:test';
import { sign } from 'hono/jwt';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { signBootToken } from '../../src/platform/token.ts';
import { Browser, signedIn } from './browser.ts';
import { comeBack, everythingOf, jsonOf, litTown, travel } from './scene.ts';
import { makeTown, operator } from './town.ts';

const HOUR_MS = 60 * 60_000;
const PAGES = [
  '/',
  '/towns/guarded',
  '/towns/guarded/live',
  '/towns/guarded/kill',
  '/towns/guarded/recoveries/latest',
  '/towns/guarded/rigs/hono/agents/ada',
  '/towns/guarded/rigs/hono/agents/ada/output',
  '/towns/none',
];
const FORMS = [
  '/towns/guarded/replay',
  '/towns/guarded/stop',
  '/towns/guarded/kill',
  '/towns/guarded/rigs/hono/replay',
  '/towns/guarded/rigs/hono/agents/ada/retry',
  '/towns/guarded/rigs/hono/agents/ada/snapshot',
];

let known: unknown;

beforeAll(async () => {
  await litTown('guarded');
  known = await everythingOf('guarded');
});

afterEach(async () => {
  comeBack();
  expect(await everythingOf('guarded'), 'something was changed').toEqual(known);
});

describe('a page', () => {
  it.each([...PAGES, '/sign-in'])('such as %s says what a browser may do with it', async (path) => {
    const { headers } = await (await signedIn()).get(path);
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('same-origin');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('has no style, script or handler of its own, and nothing of another host', async () => {
    const browser = await signedIn();
    for (const path of PAGES.filter((path) => !/live|output|none/.test(path))) {
      const html = await browser.page(path);
      expect(html).not.toMatch(/ (?:style|on[a-z]+)=/);
      expect(html).not.toMatch(/<style|<script(?! type="module" src="\/assets\/)/);
      expect(html).not.toMatch(/(?:src|href|action)="(?!\/|#|\?)/);
    }
  });

  it('has its files under names that change with them, to be kept for ever', async () => {
    const html = await (await signedIn()).page('/');
    const paths = [...html.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '');
    expect(new Set(paths).size).toBe(3);
    for (const path of paths) {
      expect(path).toMatch(/\.[0-9a-f]{16}\./);
      const file = await new Browser().get(path);
      expect(file.status).toBe(200);
      expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      await file.text();
    }
    expect((await new Browser().get('/assets/dashboard.0000000000000000.css')).status).toBe(404);
  });

  it('shows hostile names, titles and output as text', async () => {
    await makeTown('hostile');
    const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`;
    const at = '/api/towns/hostile/rigs/hono';
    await jsonOf(operator('PUT', at, { gitUrl: 'https://git.test/a.git' }));
    await jsonOf(operator('PUT', `${at}/agents/ada`, {}));
    await jsonOf(operator('PUT', `${at}/agents/ada/hook`, { bead: { id: 'b', title: evil } }));
    const browser = await signedIn();
    for (const path of ['/towns/hostile', '/towns/hostile/rigs/hono/agents/ada']) {
      const html = await browser.page(path);
      expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
      expect(html).not.toContain('<script>alert');
      expect(html).not.toContain('<img src=x');
    }
    const asked = await browser.get(`/towns/${encodeURIComponent(evil)}`);
    expect(asked.status).toBe(400);
    expect(await asked.text()).not.toContain('<img src=x');
    await operator('DELETE', '/api/towns/hostile');
  });
});

describe('a session', () => {
  it('is a cookie that no script reads and no other site sends, with Secure but on the own machine', async () => {
    const cookieOf = async (origin: string): Promise<string> =>
      (await new Browser(origin).signIn()).headers.get('set-cookie') ?? '';
    const secure = await cookieOf('https://relight.test');
    expect(secure).toMatch(
      /^__Host-relight=[\w.-]+; Max-Age=1800; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    for (const origin of ['http://localhost:8787', 'http://127.0.0.1:8787']) {
      const local = await cookieOf(origin);
      expect(local).toMatch(/^relight=[\w.-]+; Max-Age=1800; Path=\/; HttpOnly; SameSite=Strict$/);
    }
  });

  it('is not given over plain http to another machine', async () => {
    const answer = await new Browser('http://relight.test').signIn();
    expect(answer.status).toBe(403);
    expect(answer.headers.get('set-cookie')).toBeNull();
  });

  it.each(['', 'wrong', 'operator-tokenx'])('is not given for the token %j', async (token) => {
    const browser = new Browser();
    const answer = await browser.signIn(token);
    expect(answer.status).toBe(401);
    expect(await answer.text()).toContain('Not signed in');
    expect(browser.cookies.size).toBe(0);
  });

  it('is what every page and every form wants', async () => {
    const visitor = new Browser();
    for (const path of PAGES) {
      const answer = await visitor.get(path);
      expect(answer.status, path).toBe(303);
      expect(answer.headers.get('location')).toBe(`/sign-in?to=${encodeURIComponent(path)}`);
      expect(await answer.text()).toBe('');
    }
    for (const path of FORMS) {
      const answer = await visitor.post(path);
      expect(answer.status, path).toBe(303);
      expect(answer.headers.get('location')).toBe('/sign-in');
    }
  });

  it('is neither a token of the API, nor one of a container, nor one that somebody else signed', async () => {
    const browser = await signedIn();
    const session = browser.cookies.get('__Host-relight') ?? '';
    const api = await SELF.fetch('https://relight.test/api/towns', {
      headers: { authorization: `Bearer ${session}`, cookie: `__Host-relight=${session}` },
    });
    expect(api.status).toBe(401);
    const now = Math.floor(Date.now() / 1000);
    const claims = { aud: 'relight-dashboard', sub: 'root', since: now, iat: now, exp: now + 60 };
    const forged = [
      await signBootToken({ town: 'guarded', bootId: 'b' }, env.CONTAINER_TOKEN_KEY, Date.now()),
      await sign(claims, env.CONTAINER_TOKEN_KEY, 'HS256'),
      await sign(claims, env.RELIGHT_ADMIN_TOKEN, 'HS256'),
      `${session.slice(0, -2)}xx`,
      'nonsense',
    ];
    for (const token of forged) {
      browser.cookies.set('__Host-relight', token);
      expect((await browser.get('/')).status, token).toBe(303);
    }
  });

  it('ends half an hour after the last request, and twelve hours after the sign-in in any case', async () => {
    const [idle, busy] = [await signedIn(), await signedIn()];
    travel(HOUR_MS / 2 + 1_000);
    expect((await idle.get('/')).status).toBe(303);
    comeBack();
    for (let minutes = 0; minutes < 12 * 60; minutes += 20) {
      expect((await busy.get('/')).status, `after ${minutes} minutes`).toBe(200);
      travel(HOUR_MS / 3);
    }
    expect((await busy.get('/')).status).toBe(303);
  });

  it('ends with the sign-out, and leads back after the sign-in to no other place than one of its own', async () => {
    const browser = await signedIn();
    expect((await browser.post('/sign-out')).headers.get('location')).toBe('/sign-in');
    expect((await browser.get('/')).status).toBe(303);
    const led = async (to: string) =>
      (await browser.post('/sign-in', { token: 'operator-token', to })).headers.get('location');
    expect(await led('/towns/guarded?x=1')).toBe('/towns/guarded?x=1');
    for (const to of [
      'https://evil.test/',
      '//evil.test/',
      '/\\evil.test',
      'javascript:alert(1)',
      'x',
      '/.//evil.test',
    ])
      expect(await led(to), to).toBe('/');
  });

  it('is asked for again where a link of another site was followed, and then holds', async () => {
    const stranger = new Browser();
    const bounced = await stranger.get('/towns/guarded', { 'sec-fetch-site': 'cross-site' });
    expect(bounced.status).toBe(200);
    expect(await bounced.text()).toContain('content="0; url=/towns/guarded"');
    expect((await stranger.get('/towns/guarded', { 'sec-fetch-site': 'same-origin' })).status).toBe(303);
  });
});

describe('a form', () => {
  const foreign = [
    { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' },
    { origin: 'https://sibling.relight.test', 'sec-fetch-site': 'same-site' },
    { origin: 'null', 'sec-fetch-site': 'cross-site' },
    { origin: '', 'sec-fetch-site': '' },
  ];

  it.each(foreign)('with the headers %j is refused, whoever is signed in', async (headers) => {
    const browser = await signedIn();
    for (const path of [...FORMS, '/sign-out', '/sign-in']) {
      const answer = await browser.post(path, { bead: 'bead-ada', token: 'operator-token' }, headers);
      expect(answer.status, path).toBe(403);
      expect(await answer.text()).toContain('cross_site');
    }
    expect((await browser.get('/')).status).toBe(200);
  });

  it.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x'])(
    'is nothing of the type %s',
    async (type) => {
      const browser = await signedIn();
      for (const path of FORMS) {
        const answer = await browser.post(path, {}, { 'content-type': type, 'sec-fetch-site': 'cross-site' });
        expect(answer.status, path).toBe(400);
      }
    },
  );

  it('is refused when it is larger than any of them', async () => {
    const answer = await (await signedIn()).post('/towns/guarded/kill', { bead: 'x'.repeat(20_000) });
    expect(answer.status).toBe(413);
  });

  it('does nothing when it is only looked at', async () => {
    const browser = await signedIn();
    for (const path of FORMS) expect((await browser.get(path)).status, path).toBe(200);
  });

  it('leaves a sentence that nobody else can write', async () => {
    const browser = await signedIn();
    browser.cookies.set(
      '__Host-relight-notice',
      encodeURIComponent('{"tone":"done","text":"Trust me."}.c2lnbmF0dXJl'),
    );
    expect(await browser.page('/towns/guarded')).not.toContain('Trust me');
  });
});
