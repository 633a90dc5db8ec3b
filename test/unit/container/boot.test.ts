import { describe, expect, test } from 'vitest';
import { CONTRACT_HEADER, CONTRACT_VERSION, contractIn } from '../../../src/contract/version.ts';
import { BOOT_HEADER, CONTROL, ControlHealth, TOKEN_HEADER } from '../../../src/contract/control.ts';
import { pathOf } from '../../../src/contract/exchange.ts';
import { restoreRequest, spawnControl, startControl, startRequest } from './control-process.ts';
import { eventually, GENERATION, problem, startFakeWorker, TOKEN } from './fake-worker.ts';

describe('a control server that starts', () => {
  test('listens, and says which boot it is', async () => {
    const worker = await startFakeWorker();
    const control = await startControl(worker.url);
    const answer = await control.call(CONTROL.health);
    expect(answer.status).toBe(200);
    expect(ControlHealth.parse(answer.json())).toMatchObject({
      town: 'town',
      bootId: control.bootId,
      draining: false,
      agents: 0,
    });
  });

  test('announces its boot and learns its generation from the answer', async () => {
    const worker = await startFakeWorker();
    const control = await startControl(worker.url);
    expect(await worker.call('announce')).toMatchObject({ bootId: control.bootId });
    await eventually(async () => {
      const health = ControlHealth.parse((await control.call(CONTROL.health)).json());
      expect(health.generation).toBe(GENERATION);
    });
    expect(worker.problems).toEqual([]);
  });

  test('announces again until it is heard, whatever the Worker says first', async () => {
    const worker = await startFakeWorker();
    const answers = [problem('internal'), { status: 502 }, problem('unauthorized')];
    worker.answer('announce', () => answers.shift() ?? { status: 200, json: { generation: GENERATION } });
    const control = await startControl(worker.url);
    await eventually(() =>
      expect(control.events).toContainEqual(expect.objectContaining({ event: 'control.announced' })),
    );
    expect(worker.bodies('announce')).toHaveLength(4);
  });

  test('calls with the token that an answer or a control call of the Worker gave it last', async () => {
    const worker = await startFakeWorker();
    const [announced, handed, foreign] = ['of-the-announcement', 'of-the-control-call', 'of-somebody-else'];
    for (const token of [announced, handed, foreign]) worker.tokens.add(token);
    worker.answer('announce', () => ({ status: 200, json: { generation: GENERATION, token: announced } }));
    const control = await startControl(worker.url);
    await eventually(() =>
      expect(control.events).toContainEqual(expect.objectContaining({ event: 'control.announced' })),
    );
    const call = async (by: string, headers: Record<string, string>): Promise<number> => {
      const authorization = `Bearer ${by}`;
      const { status } = await fetch(control.url + CONTROL.agents.path, {
        headers: { authorization, ...headers },
      });
      return status;
    };
    const boot = { [BOOT_HEADER]: control.bootId };
    expect(await call(TOKEN, { ...boot, [TOKEN_HEADER]: handed }), 'its own proof is the first token').toBe(
      200,
    );
    expect(await call(announced, { ...boot, [TOKEN_HEADER]: foreign })).toBe(401);
    expect(await call(TOKEN, { [TOKEN_HEADER]: foreign }), 'for any boot').toBe(200);
    const before = worker.bodies('heartbeat').length;
    await eventually(() => expect(worker.bodies('heartbeat').length).toBeGreaterThan(before));
    expect(worker.newestToken()).toBe(handed);
    expect(worker.problems).toEqual([]);
  });

  test('with a bad environment ends with 1 and one sentence that names every bad variable', async () => {
    const bad = {
      RELIGHT_URL: 'no url',
      GT_TOWN: 'Not An Id',
      PORT: 'http',
      WORKSPACE: 'relative',
      DRAIN_SECONDS: '-1',
    };
    const { ended, stderr } = spawnControl({ RELIGHT_TOKEN: TOKEN, ...bad });
    expect(await ended).toEqual({ code: 1, signal: null });
    for (const name of Object.keys(bad)) expect(stderr()).toContain(name);
    expect(stderr().trim().split('\n')).toHaveLength(1);
    expect(stderr()).not.toContain(TOKEN);
  });

  test('without a token ends with 1 and says so', async () => {
    const { ended, stderr } = spawnControl({ GT_TOWN: 'town', RELIGHT_URL: 'http://127.0.0.1:9', PORT: '0' });
    expect(await ended).toEqual({ code: 1, signal: null });
    expect(stderr()).toContain('RELIGHT_TOKEN');
  });

  test('on a port that is taken ends with 1 and says so', async () => {
    const worker = await startFakeWorker();
    const port = new URL(worker.url).port;
    const { ended, stderr } = spawnControl({ PORT: port, HOST: '127.0.0.1' });
    expect(await ended).toEqual({ code: 1, signal: null });
    expect(stderr()).toContain(port);
    expect(stderr().trim().split('\n')).toHaveLength(1);
  });
});

describe('a control call', () => {
  test('for another boot is refused with stale_boot', async () => {
    const worker = await startFakeWorker();
    const control = await startControl(worker.url);
    const other = { bootId: 'f'.repeat(32), generation: GENERATION };
    const places = { rig: 'rig', agent: 'a' };
    const answers = [
      await control.call(CONTROL.start, places, startRequest(other, {})),
      await control.call(CONTROL.stop, places, { life: other }),
      await control.call(
        CONTROL.restore,
        places,
        restoreRequest(other, 'https://git.invalid/rig.git', ['a']),
      ),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(409);
      expect(answer.type).toContain('application/problem+json');
      expect(answer.json()).toMatchObject({ code: 'stale_boot', retryable: false });
    }
    const health = await fetch(`${control.url}${CONTROL.health.path}`, {
      headers: { [BOOT_HEADER]: other.bootId },
    });
    expect(health.status).toBe(409);
  });

  test('for new work is taken of a Worker one release apart; further, it is “Worker and image of different releases”', async () => {
    const worker = await startFakeWorker();
    const control = await startControl(worker.url);
    const ask = async (version: string | null): Promise<number> => {
      const answer = await fetch(control.url + pathOf(CONTROL.start, { rig: 'rig', agent: 'a' }), {
        method: CONTROL.start.method,
        headers: {
          authorization: `Bearer ${TOKEN}`,
          'content-type': 'application/json',
          ...(version === null ? {} : { [CONTRACT_HEADER]: version }),
        },
        body: JSON.stringify({ ...startRequest(control.life, {}), toldByALaterRelease: true }),
      });
      if (answer.status === 409) expect(await answer.json()).toMatchObject({ code: 'contract_unsupported' });
      return answer.status;
    };
    const [before, next] = [CONTRACT_VERSION - 1, CONTRACT_VERSION + 1];
    expect(await ask(String(next + 1))).toBe(409);
    expect(await ask('new')).toBe(409);
    expect((await control.call(CONTROL.agents)).json()).toEqual([]);
    for (const version of [before, CONTRACT_VERSION, next]) expect(await ask(String(version))).toBe(200);
    expect(contractIn(undefined), 'of who says nothing').toBe(1);
    expect(worker.problems).toEqual([]);
  });

  test('from anybody but the Worker is refused and changes nothing; only health is told to everybody', async () => {
    const worker = await startFakeWorker();
    const control = await startControl(worker.url);
    const start = `${control.url}${pathOf(CONTROL.start, { rig: 'rig', agent: 'a' })}`;
    const body = JSON.stringify(startRequest(control.life, {}));
    for (const authorization of [undefined, 'Bearer guessed', TOKEN]) {
      const headers = authorization === undefined ? {} : { authorization };
      const answers = [
        await fetch(start, { method: 'PUT', headers, body }),
        await fetch(control.url + CONTROL.agents.path, { headers }),
        await fetch(`${control.url}/nowhere`, { headers }),
      ];
      for (const answer of answers) {
        expect(answer.status).toBe(401);
        expect(await answer.json()).toMatchObject({ code: 'unauthorized', retryable: false });
      }
    }
    expect((await control.call(CONTROL.agents)).json()).toEqual([]);
    expect((await fetch(control.url + CONTROL.health.path)).status).toBe(200);
  });

  test('of an earlier generation is refused, of a later one teaches the generation', async () => {
    const worker = await startFakeWorker();
    const control = await startControl(worker.url);
    const stop = async (generation: number): Promise<number> => {
      const life = { bootId: control.bootId, generation };
      return (await control.call(CONTROL.stop, { rig: 'rig', agent: 'a' }, { life })).status;
    };
    expect(await stop(GENERATION)).toBe(204);
    expect(await stop(GENERATION + 4)).toBe(204);
    expect(await stop(GENERATION)).toBe(409);
  });

  test('that is not what the contract says is refused with the places that are wrong', async () => {
    const worker = await startFakeWorker();
    const control = await startControl(worker.url);
    const places = { rig: 'rig', agent: 'a' };
    const broken = await control.call(CONTROL.start, places, '{"life":');
    expect(broken.json()).toMatchObject({ status: 400, code: 'invalid_request' });
    const wrong = await control.call(CONTROL.start, places, { life: control.life, startId: 'x' });
    expect(wrong.json()).toMatchObject({
      code: 'invalid_request',
      detail: expect.stringContaining('startId'),
    });
    const badName = await control.call(CONTROL.log, { rig: 'Rig!', agent: 'a' });
    expect(badName.status).toBe(400);
    const tooLarge = await control.call(CONTROL.start, places, { pad: 'x'.repeat(1024 * 1024) });
    expect(tooLarge.json()).toMatchObject({ status: 413, code: 'too_large' });
    for (const [bytes, code] of [
      [1, 'invalid_request'],
      [1024 * 1024 + 1, 'too_large'],
    ] as const) {
      const init = {
        headers: { authorization: `Bearer ${TOKEN}`, [CONTRACT_HEADER]: String(CONTRACT_VERSION) },
        body: streamOf(bytes),
        duplex: 'half',
      } as const;
      const chunked = await fetch(`${control.url}/rigs/rig/agents/a`, { method: 'PUT', ...init });
      expect(await chunked.json(), 'a body of no stated length').toMatchObject({ code });
    }
    const nowhere = await fetch(`${control.url}/nowhere`, { headers: { authorization: `Bearer ${TOKEN}` } });
    expect(nowhere.status).toBe(404);
  });
});

/** So many bytes, sent without saying how many. */
function streamOf(bytes: number): ReadableStream<Uint8Array> {
  return new Blob(['{'.repeat(bytes)]).stream();
}
