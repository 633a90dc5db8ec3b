import { until } from '../../../dev/client.ts';
import { between } from '../../../dev/random.ts';
import { containerOf } from './fault.ts';
import type { Fault, Heal, Scene } from './fault.ts';

/** Three health checks, a minute of grace, and what a slow machine needs on top. */
const WEDGED_LIMIT_MS = 200_000;

/** The whole container is gone in a moment. */
const sigkill: Fault = {
  name: 'container dies: SIGKILL',
  lastsMs: null,
  endsBoot: true,
  strike: (scene) => signal(scene, 'SIGKILL'),
};

/** The platform asks the container to end: it drains. */
const sigterm: Fault = {
  name: 'container dies: SIGTERM',
  lastsMs: null,
  endsBoot: true,
  strike: (scene) => signal(scene, 'SIGTERM'),
};

/** The control server stands still for a while, and its agents go on; then it goes on. */
const stopped: Fault = {
  name: 'control server unreachable: SIGSTOP and SIGCONT',
  lastsMs: { least: 500, most: 8_000 },
  endsBoot: false,
  strike: async (scene) => {
    await signal(scene, 'SIGSTOP');
    return mendContainer(scene, 'SIGCONT');
  },
};

/** The control server stands still, and then the container is killed. */
const stoppedAndKilled: Fault = {
  name: 'container dies: SIGSTOP and SIGKILL',
  lastsMs: { least: 500, most: 5_000 },
  endsBoot: true,
  strike: async (scene) => {
    await signal(scene, 'SIGSTOP');
    return mendContainer(scene, 'SIGKILL');
  },
};

/** It is asked to end, and killed before it has drained. */
const cutOff: Fault = {
  name: 'container dies: SIGTERM and SIGKILL',
  lastsMs: { least: 20, most: 1_200 },
  endsBoot: true,
  strike: async (scene) => {
    await signal(scene, 'SIGTERM');
    return mendContainer(scene, 'SIGKILL');
  },
};

/** The control server stands still until the watchdog has had enough of it. */
const wedged: Fault = {
  name: 'control server wedged',
  lastsMs: null,
  endsBoot: true,
  strike: async (scene) => {
    const { engine } = scene.arena.world.relight;
    const { id, pid } = await containerOf(scene);
    engine.kill(id, 'SIGSTOP');
    await until('the wedged container is ended', WEDGED_LIMIT_MS, () =>
      Promise.resolve(engine.containers().some((container) => container.pid === pid) ? null : true),
    );
    return null;
  },
};

/** It dies again as soon as it is back, a few times. */
const loop: Fault = {
  name: 'container crash loop',
  lastsMs: null,
  endsBoot: true,
  strike: async (scene) => {
    for (let left = between(scene.random, 2, 3); left > 0; left -= 1) await signal(scene, 'SIGKILL');
    return null;
  },
};

export const CONTAINER_FAULTS: readonly Fault[] = [
  sigkill,
  sigterm,
  stopped,
  stoppedAndKilled,
  wedged,
  cutOff,
  loop,
];

async function signal(scene: Scene, name: NodeJS.Signals): Promise<null> {
  const { id } = await containerOf(scene);
  scene.arena.world.relight.engine.kill(id, name);
  return null;
}

/** Signals the container that is there now, unless it has ended meanwhile. */
async function mendContainer(scene: Scene, name: NodeJS.Signals): Promise<Heal> {
  const { pid } = await containerOf(scene);
  return () => {
    const { engine } = scene.arena.world.relight;
    const same = engine.containers().find((container) => container.pid === pid);
    if (same !== undefined) engine.kill(same.id, name);
    return Promise.resolve();
  };
}
