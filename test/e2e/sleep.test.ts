import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../../dev/client.ts';
import { makeTown } from './unpushed-work.ts';
import { openWorld, PATIENCE_MS } from './world.ts';
import type { World } from './world.ts';

const SLEEP_AFTER_MS = 8_000;

let world: World;
beforeAll(async () => {
  world = await openWorld({ vars: { SLEEP_AFTER: `${SLEEP_AFTER_MS / 1000}s` } });
});
afterAll(() => world.close());

it('invariant 11: a container with a working agent never sleeps, an idle one does, and neither loses anything', async () => {
  const town = await makeTown(world, 'sleepy', 'sleepy');
  // Nothing tells that a container was not stopped but that it is still there.
  await delay(2 * SLEEP_AFTER_MS);
  expect(await town.agent('sleepy', 'ada')).toMatchObject({ status: 'working', generation: 1 });
  expect(world.relight.engine.containers().filter(({ running }) => running)).toHaveLength(1);
  await town.call('DELETE', '/rigs/sleepy/agents/ada/hook');
  await until('the container sleeps', PATIENCE_MS, async () =>
    (await town.town()).state === 'dark' ? true : null,
  );
  expect(world.relight.engine.containers().filter(({ running }) => running)).toEqual([]);
});
