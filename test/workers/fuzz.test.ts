import { SELF } from 'cloudflare:test';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CALLBACKS } from '../../src/contract/callbacks.ts';
import { CACHE_CALLS } from '../../src/contract/repo-cache.ts';
import { BUNDLE_CALLS } from '../../src/contract/snapshot.ts';
import { body, expectAnswer, name } from '../fuzz/requests.ts';
import type { Sent } from '../fuzz/requests.ts';
import { everythingOf, jsonOf, lifeOf, litTown } from './scene.ts';
import { addRig, makeTown, tokenOf } from './town.ts';

const RUNS = 8;
const KEYS = [
  'action',
  'agentCommand',
  'bead',
  'bootId',
  'gitUrl',
  'life',
  'name',
  'rig',
  'agent',
  'rigs',
  'role',
];

interface Route {
  readonly method: string;
  readonly path: string;
}

let routes: Route[];
let known: unknown;

beforeAll(async () => {
  await litTown('fuzzed');
  await makeTown('prey');
  await addRig('prey', 'hono', ['ada']);
  known = await everythingOf('fuzzed');
  const { paths } = await jsonOf(SELF.fetch('https://relight.test/openapi.json'));
  const listed = z.record(z.string(), z.record(z.string(), z.unknown())).parse(paths);
  routes = Object.entries(listed).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
  );
  expect(routes.length).toBeGreaterThan(20);
});

const places = fc.array(name(['prey', 'hono', 'ada', 'latest']), { minLength: 3, maxLength: 3 });

async function send(
  route: Route,
  names: string[],
  sent: Sent | null,
  token: string | null,
): Promise<Response> {
  const left = [...names];
  const path = route.path.replaceAll(/\{\w+\}/g, () => left.shift() ?? 'x');
  const takesBody = route.method !== 'GET' && route.method !== 'HEAD' && sent !== null;
  return SELF.fetch(`https://relight.test${path}`, {
    method: route.method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(takesBody ? { 'content-type': sent.type } : {}),
    },
    ...(takesBody ? { body: sent.text } : {}),
  });
}

/** Asks each route so often, with the tokens in turn. */
async function fuzz(asked: readonly Route[], tokens: readonly (string | null)[], codes?: readonly string[]) {
  for (const route of asked) {
    await fc.assert(
      fc.asyncProperty(places, body(KEYS), fc.constantFrom(...tokens), async (names, sent, token) => {
        const what = `${route.method} ${route.path} ${JSON.stringify({ names, sent })}`;
        const problem = await expectAnswer(await send(route, names, sent, token), what);
        if (codes !== undefined) expect(codes, what).toContain(problem?.code);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  }
}

describe('whatever is sent to a route', () => {
  it('of the operator without a token of an operator is refused and changes nothing', async () => {
    const container = await tokenOf('fuzzed');
    // A path may come to name another place once it is resolved.
    await fuzz(
      routes,
      [null, 'guess', `relight_${'A'.repeat(43)}`, container],
      ['unauthorized', 'not_found'],
    );
    expect(await everythingOf('fuzzed')).toEqual(known);
  });

  it('of the operator with one is answered or refused for what it is', async () => {
    await fuzz(routes, ['operator-token']);
    expect(await everythingOf('fuzzed'), 'another town').toEqual(known);
  });

  const callbacks = [
    ...Object.values(CALLBACKS),
    ...Object.values(BUNDLE_CALLS),
    ...Object.values(CACHE_CALLS),
  ];

  it('of the containers without the token of one is refused and changes nothing', async () => {
    const foreign = await tokenOf('fuzzed', undefined, 'another-key');
    await fuzz(callbacks, [null, 'guess', 'operator-token', foreign], ['unauthorized']);
    expect(await everythingOf('fuzzed')).toEqual(known);
  });

  it('of the containers with one is answered or refused for what it is', async () => {
    const life = lifeOf('prey');
    const own = await tokenOf('prey', life.bootId);
    await fuzz(callbacks, [own]);
    // With a good life in the message, what is behind it is reached as well.
    for (const { method, path } of callbacks) {
      await fc.assert(
        fc.asyncProperty(body(KEYS), async (sent) => {
          const text = JSON.stringify({
            ...z.record(z.string(), z.unknown()).catch({}).parse(parsed(sent)),
            life,
          });
          const answer = await send({ method, path }, [], { type: 'application/json', text }, own);
          await expectAnswer(answer, `${path} ${text}`);
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    }
    expect(await everythingOf('fuzzed'), 'another town').toEqual(known);
  });
});

function parsed(sent: Sent | null): unknown {
  try {
    return JSON.parse(sent?.text ?? '{}');
  } catch {
    return {}; // A text that is no JSON was sent before, as it is.
  }
}
