import { setTimeout as delay } from 'node:timers/promises';
import { between } from '../../../dev/random.ts';
import type { Meddling } from '../proxy.ts';
import type { Fault, Scene } from './fault.ts';

/** The control server's answers are replaced or delayed; what it is asked is not done, or done in silence. */
export const CONTROL_FAULTS: readonly Fault[] = [
  controlFault(
    'control server unreachable: 500',
    () => () => Promise.resolve(answer(500, 'text/plain', 'broken')),
  ),
  controlFault('control server unreachable: garbage', ({ random }) => () => {
    const garbage = ['{"half":', '<html>not it</html>', '{"state":"nobody knows"}', ''];
    const text = garbage[between(random, 0, garbage.length - 1)] ?? '';
    return Promise.resolve(answer(200, 'application/json', text));
  }),
  controlFault('control server unreachable: slow', ({ random }) => async (_request, forward) => {
    await delay(between(random, 500, 3_000));
    return forward();
  }),
  controlFault('control server unreachable: cut', () => () => Promise.resolve(null)),
  controlFault('control server unreachable: answer lost', () => async (_request, forward) => {
    await forward();
    return null;
  }),
];

function controlFault(name: string, meddle: (scene: Scene) => Meddling): Fault {
  return {
    name,
    lastsMs: { least: 300, most: 4_000 },
    endsBoot: false,
    strike: (scene) => {
      scene.arena.control.meddling = meddle(scene);
      return Promise.resolve(() => {
        scene.arena.control.meddling = null;
        return Promise.resolve();
      });
    },
  };
}

function answer(status: number, type: string, text: string) {
  return { status, headers: { 'content-type': type }, body: Buffer.from(text) };
}
