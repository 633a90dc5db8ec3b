import { describe, expect, it } from 'vitest';
import { NAIVE, RELIGHT } from '../../../bench/storm/policies.ts';
import { ROLLOUT, simulate } from '../../../bench/storm/simulate.ts';
import { VirtualTime } from '../../../bench/storm/virtual-time.ts';

/** Twenty towns at once, at limits that they exceed many times over. */
const SMALL = { ...ROLLOUT, towns: 20, rigs: 2, withinMs: 1_000, workflowRate: 3, gitRate: 10 };

describe('the simulation of a roll-out', () => {
  it('brings every town back, the same way each time, and by another seed in another way', async () => {
    const first = await simulate(SMALL, RELIGHT);
    expect(await simulate(SMALL, RELIGHT)).toEqual(first);
    expect(await simulate({ ...SMALL, seed: 2 }, RELIGHT)).not.toEqual(first);
    // Nine requests a rig, and two creations a town, are the least that it takes.
    expect(first.git.total - first.git.refused).toBeGreaterThanOrEqual(20 * 2 * 9);
    expect(first.workflows.total).toBeGreaterThanOrEqual(20 * 2);
    expect(first.git.refused).toBeGreaterThan(0);
    expect(first.workflows.refused).toBeGreaterThan(0);
  });

  it('shows that the policy recovers sooner and asks less than coming back at fixed times', async () => {
    const [before, after] = [await simulate(SMALL, NAIVE), await simulate(SMALL, RELIGHT)];
    expect(after.lastMs).toBeLessThan(before.lastMs);
    expect(after.git.total).toBeLessThan(before.git.total);
    expect(after.workflows.refused).toBeLessThan(before.workflows.refused);
  });

  it('shows that a town that restarts alone loses nothing by the policy', async () => {
    const alone = { ...ROLLOUT, towns: 1 };
    expect(await simulate(alone, RELIGHT)).toEqual(await simulate(alone, NAIVE));
  });

  it('fails where somebody waits for what does not come', async () => {
    await expect(new VirtualTime().run(new Promise(() => undefined))).rejects.toThrow('does not come');
  });
});
