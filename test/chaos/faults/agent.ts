import { setTimeout as delay } from 'node:timers/promises';
import { sendSignal } from '../../../dev/engine/processes.ts';
import { oneOf } from '../../../dev/random.ts';
import { readDiary } from '../towns/diary.ts';
import type { Fault, Scene } from './fault.ts';

/** An agent's process is killed. */
const killed: Fault = {
  name: 'agent killed',
  lastsMs: null,
  endsBoot: false,
  strike: (scene) => {
    const found = someAgent(scene);
    if (found === null) return Promise.resolve(null);
    scene.deeds.killedAgents.push(found.key);
    sendSignal(found.pid, 'SIGKILL');
    return Promise.resolve(null);
  },
};

/** An agent's process stands still for a while. */
const hangs: Fault = {
  name: 'agent hangs',
  lastsMs: { least: 500, most: 5_000 },
  endsBoot: false,
  strike: (scene) => {
    const found = someAgent(scene);
    if (found === null) return Promise.resolve(null);
    sendSignal(found.pid, 'SIGSTOP');
    return Promise.resolve(async () => {
      sendSignal(found.pid, 'SIGCONT');
      await delay(0);
    });
  },
};

export const AGENT_FAULTS: readonly Fault[] = [killed, hangs];

/** An agent that is at work, by the last line of its diary. */
function someAgent({ town, random }: Scene): { key: string; pid: number } | null {
  const running = town.members.flatMap(({ key }) => {
    const last = readDiary(town.diaries, key).at(-1);
    const isYoung = last !== undefined && Date.now() - last.at < 1_000;
    return isYoung && last.what !== 'finished' ? [{ key, pid: last.pid }] : [];
  });
  return running.length === 0 ? null : oneOf(random, running);
}
