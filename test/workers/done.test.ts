import { env, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import { Agent } from '../../src/objects/agent.ts';
import { Town } from '../../src/objects/town.ts';
import { lifeOf, litTown, patiently } from './scene.ts';
import { agentStatus, callback } from './town.ts';

const DONE = { rig: 'hono', agent: 'ada', bead: 'bead-ada', head: null, prUrl: null, summary: null };

/** What the town's feed says of finished beads. */
async function toldOf(town: string): Promise<string[]> {
  return runInDurableObject(env.TOWN.getByName(town), (_, { storage }) =>
    storage.sql
      .exec<{ change: string }>('SELECT change FROM feed')
      .toArray()
      .flatMap(({ change }) => (change.includes('"kind":"done"') ? [change] : [])),
  );
}

describe('a finished bead', () => {
  it.for(['before', 'after'] as const)(
    'is told of once, and its snapshots are deleted, though the Worker went away just %s the town heard of it',
    async (moment) => {
      const town = `settled-${moment}`;
      await litTown(town);
      const forget = vi.spyOn(Agent.prototype, 'forgetSnapshots');
      const publish = Town.prototype.publish;
      const telling = vi.spyOn(Town.prototype, 'publish');
      telling.mockImplementation(async function (this: Town, change) {
        if (moment === 'after' || change.kind !== 'done') await publish.call(this, change);
        if (change.kind === 'done') throw new Error('the Worker went away');
      });
      const message = { ...DONE, life: lifeOf(town), branch: 'gt/ada/bead-ada' };
      expect((await callback(town, 'done', message)).status).toBe(204);
      expect(await agentStatus(town, 'hono', 'ada')).toMatchObject({ status: 'idle' });
      expect(await toldOf(town)).toHaveLength(moment === 'before' ? 0 : 1);
      telling.mockRestore();
      const rig = env.RIG.getByName(`${town}/hono`);
      await vi.waitFor(async () => expect(await runDurableObjectAlarm(rig)).toBe(false), patiently);
      expect(await toldOf(town)).toHaveLength(1);
      expect(forget).toHaveBeenCalledTimes(2);
      forget.mockRestore();
    },
  );
});
