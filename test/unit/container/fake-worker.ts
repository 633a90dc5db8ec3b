import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { buffer, text } from 'node:stream/consumers';
import { onTestFinished, vi } from 'vitest';
import type { z } from 'zod';
import { CALLBACKS } from '../../../src/contract/callbacks.ts';
import { type ErrorCode, problemOf } from '../../../src/contract/errors.ts';
import { CACHE_CALLS, CACHE_HEADER, CacheOffer, CacheWanted } from '../../../src/contract/repo-cache.ts';
import { BUNDLE_CALLS, OFFER_HEADER, SnapshotOffer, SnapshotWanted } from '../../../src/contract/snapshot.ts';
import { CONTRACT_HEADER, CONTRACT_VERSION, contractIn } from '../../../src/contract/version.ts';
import type { Prime } from '../../../src/contract/prime.ts';

export type CallName = keyof typeof CALLBACKS;
export type BodyOf<Name extends CallName> = z.output<(typeof CALLBACKS)[Name]['body']>;

/** What a callback is answered with; `hang` never answers. */
export type FakeAnswer = { status: number; json?: unknown; headers?: Record<string, string> } | 'hang';

export const TOKEN = 'relight-test-token-0123456789abcdef';
export const GENERATION = 3;

/** Waits for a condition; the time is only how long a failing test takes. */
export async function eventually<Value>(look: () => Value | Promise<Value>): Promise<Value> {
  return await vi.waitFor(look, { timeout: 15_000, interval: 10 });
}

/** A Worker that records every callback, checked against the contract, and answers as the test says. */
export interface FakeWorker {
  readonly url: string;
  readonly problems: string[];
  /** The tokens that it believes. */
  readonly tokens: Set<string>;
  /** The token that the newest call came with. */
  newestToken(): string | undefined;
  /** The bundles that were stored, newest last, where the Worker keeps them. */
  readonly bundles: { offer: SnapshotOffer; bytes: Buffer }[];
  /** The repository caches that were stored, newest last; with `holdsCaches` their uploads are never answered. */
  readonly caches: { offer: CacheOffer; bytes: Buffer }[];
  /** The bodies of all calls of one kind, in the order of arrival. */
  bodies<Name extends CallName>(name: Name): BodyOf<Name>[];
  /** Waits for a call of which `wanted` is true. */
  call<Name extends CallName>(name: Name, wanted?: (body: BodyOf<Name>) => boolean): Promise<BodyOf<Name>>;
  /** Answers a kind of call in another way, until it is taken back with null. */
  answer<Name extends CallName>(
    name: Name,
    how: ((body: BodyOf<Name>) => FakeAnswer | Promise<FakeAnswer>) | null,
  ): void;
  close(): Promise<void>;
}

/** An error as the Worker answers it. */
export function problem(code: ErrorCode, headers: Record<string, string> = {}): FakeAnswer {
  const json = problemOf(code, `the test wants ${code}`);
  return { status: json.status, json, headers };
}

/** The prime of `bead`, for any agent. */
export function primeOf(rig: string, agent: string, bead: string): Prime {
  return {
    town: 'town',
    rig,
    agent,
    role: 'polecat',
    bead: { id: bead, title: 'A bead', body: '' },
    branch: `gt/${agent}/${bead}`,
    checkpoint: null,
    snapshot: null,
    atRisk: null,
    recovered: null,
    text: `# You are ${agent}\nYour bead is ${bead}.\n`,
  };
}

/**
 * Starts a fake Worker for one test. `beadOf` names the bead that an agent's prime shows; snapshots are answered with 404
 * unless it keeps bundles.
 */
export async function startFakeWorker(
  beadOf = (_agent: string): string => 'bead-1',
  { keepsBundles = false, holdsCaches = false } = {},
): Promise<FakeWorker> {
  const bundles: FakeWorker['bundles'] = [];
  const caches: FakeWorker['caches'] = [];
  const calls: { name: CallName; body: unknown }[] = [];
  const problems: string[] = [];
  const tokens = new Set([TOKEN]);
  let newestToken: string | undefined;
  const answers = new Map<CallName, (body: never) => FakeAnswer | Promise<FakeAnswer>>();

  const usual = (name: CallName, body: unknown): FakeAnswer => {
    if (name === 'announce' || name === 'heartbeat') return { status: 200, json: { generation: GENERATION } };
    if (name === 'prime') {
      const { rig, agent } = CALLBACKS.prime.body.parse(body);
      return { status: 200, json: primeOf(rig, agent, beadOf(agent)) };
    }
    if (name === 'checkpoint') {
      const seq = calls.filter((call) => call.name === 'checkpoint').length;
      return { status: 200, json: { seq, at: Date.now() } };
    }
    if (name === 'secrets') return { status: 200, json: {} };
    if (name === 'credential')
      return { status: 200, json: { username: 'x-token', password: 'git-s3cret-of-the-test' } };
    return { status: 204 };
  };

  const serve = async (request: IncomingMessage): Promise<FakeAnswer | Buffer> => {
    if (keepsBundles && request.url === BUNDLE_CALLS.upload.path) {
      const offer = Buffer.from(String(request.headers[OFFER_HEADER]), 'base64url').toString();
      bundles.push({ offer: SnapshotOffer.parse(JSON.parse(offer)), bytes: await buffer(request) });
      return { status: 204 };
    }
    if (keepsBundles && request.url === BUNDLE_CALLS.download.path) {
      const { agent, seq } = SnapshotWanted.parse(JSON.parse(await text(request)));
      const kept = bundles.findLast(({ offer }) => offer.agent === agent && offer.snapshot.seq === seq);
      return kept?.bytes ?? { status: 404 };
    }
    if (request.url === CACHE_CALLS.upload.path) {
      const offer = Buffer.from(String(request.headers[CACHE_HEADER]), 'base64url').toString();
      caches.push({ offer: CacheOffer.parse(JSON.parse(offer)), bytes: await buffer(request) });
      return holdsCaches ? 'hang' : { status: 204 };
    }
    if (request.url === CACHE_CALLS.download.path) {
      const { sha256 } = CacheWanted.parse(JSON.parse(await text(request)));
      return caches.findLast(({ offer }) => offer.cache.sha256 === sha256)?.bytes ?? problem('unknown_cache');
    }
    const name = nameAt(request);
    if (name === null) return { status: 404 };
    newestToken = request.headers.authorization?.replace('Bearer ', '');
    if (!tokens.has(newestToken ?? '')) problems.push(`${name}: no token`);
    const contract = contractIn(request.headers[CONTRACT_HEADER]?.toString());
    if (contract !== CONTRACT_VERSION) problems.push(`${name}: contract ${contract}`);
    const body: unknown = JSON.parse(await text(request));
    const checked = CALLBACKS[name].body.safeParse(body);
    if (!checked.success) problems.push(`${name}: ${checked.error.message}`);
    calls.push({ name, body });
    const how = answers.get(name);
    return how === undefined ? usual(name, body) : await Reflect.apply(how, undefined, [body]);
  };

  const server = createServer((request, response) => {
    void serve(request).then((answer) => {
      if (answer === 'hang') return;
      if (Buffer.isBuffer(answer)) return void response.end(answer);
      const type = answer.status >= 400 ? 'application/problem+json' : 'application/json';
      response.writeHead(answer.status, { 'content-type': type, ...answer.headers });
      response.end(answer.json === undefined ? undefined : JSON.stringify(answer.json));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the fake Worker has no port');

  const bodies = <Name extends CallName>(name: Name): BodyOf<Name>[] =>
    calls.flatMap((call) =>
      call.name === name ? [CALLBACKS[name].body.parse(call.body) as BodyOf<Name>] : [],
    );
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  onTestFinished(close);
  return {
    url: `http://127.0.0.1:${String(address.port)}`,
    problems,
    tokens,
    newestToken: () => newestToken,
    bundles,
    caches,
    bodies,
    call: async (name, wanted = () => true) =>
      await eventually(() => {
        const found = bodies(name).find((body) => wanted(body));
        if (found === undefined) throw new Error(`no such ${name} came: ${JSON.stringify(bodies(name))}`);
        return found;
      }),
    answer: (name, how) => {
      if (how === null) answers.delete(name);
      else answers.set(name, how);
    },
    close,
  };
}

function nameAt(request: IncomingMessage): CallName | null {
  const names = Object.keys(CALLBACKS) as CallName[];
  return names.find((name) => CALLBACKS[name].path === request.url) ?? null;
}
