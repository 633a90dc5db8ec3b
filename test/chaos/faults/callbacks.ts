import { setTimeout as delay } from 'node:timers/promises';
import { Problem } from '../../../src/contract/errors.ts';
import { between } from '../../../dev/random.ts';
import type { Meddling } from '../proxy.ts';
import type { Fault, Scene } from './fault.ts';
import { jsonOrNull } from '../../json-or-null.ts';

/** Every second message meets the fault, so that those sent again get through. */
const SHARE = 0.5;

/** A message of a former boot arrives now. Each must be refused, and change nothing. */
const late: Fault = {
  name: 'message of an earlier boot',
  lastsMs: null,
  endsBoot: false,
  strike: async ({ arena, town, deeds }) => {
    const { generation } = await town.client.town();
    const former = (await town.client.recoveries()).filter((recovery) => recovery.generation < generation);
    const calls = new Set(former.flatMap(({ bootId }) => arena.past.of(bootId)));
    for (const call of calls) {
      const { status, body } = await arena.past.sender(call);
      const problem = Problem.safeParse(jsonOrNull(body.toString()));
      deeds.staleAnswers.push({ path: call.path, status, code: problem.data?.code ?? null });
    }
    return null;
  },
};

/** The boot says again that it is there: its recovery must not be created twice. */
const announcedAgain: Fault = {
  name: 'boot announced again',
  lastsMs: null,
  endsBoot: false,
  strike: async ({ arena, town }) => {
    const [newest] = await town.client.recoveries();
    const calls = arena.past.of(newest?.bootId ?? '').filter(({ path }) => path.endsWith('/boot'));
    await Promise.all([...calls, ...calls, ...calls].map((call) => arena.past.sender(call)));
    return null;
  },
};

/** What the control server tells the Worker is lost, doubled, mixed up, or answered with an error. */
export const CALLBACK_FAULTS: readonly Fault[] = [
  callbackFault('event lost: callback', () => () => Promise.resolve(null)),
  callbackFault('event lost: answer of a callback', () => async (_request, forward) => {
    await forward();
    return null;
  }),
  callbackFault('callback doubled', () => async (_request, forward) => {
    const [first] = await Promise.all([forward(), forward()]);
    return first;
  }),
  callbackFault('callback reordered', ({ random }) => async (_request, forward) => {
    await delay(between(random, 0, 2_000));
    return forward();
  }),
  callbackFault('Worker unreachable: 503', () => () => {
    const headers = { 'content-type': 'text/plain', 'retry-after': '1' };
    return Promise.resolve({ status: 503, headers, body: Buffer.from('overloaded') });
  }),
  late,
  announcedAgain,
];

function callbackFault(name: string, meddle: (scene: Scene) => Meddling): Fault {
  return {
    name,
    lastsMs: { least: 300, most: 5_000 },
    endsBoot: false,
    strike: (scene) => {
      const meddling = meddle(scene);
      scene.arena.callbacks.meddling = (request, forward) =>
        scene.random() < SHARE ? meddling(request, forward) : forward();
      return Promise.resolve(() => {
        scene.arena.callbacks.meddling = null;
        return Promise.resolve();
      });
    },
  };
}
