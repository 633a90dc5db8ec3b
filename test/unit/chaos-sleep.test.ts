import { expect, it } from 'vitest';
import type { BootView, TownState } from '../../src/contract/town.ts';
import { judgeAsleep, judgeAwake } from '../chaos/towns/sleep.ts';

const SINCE = 1_000;
const WATCHED = { since: SINCE, generation: 2 };
const BOOT: BootView = {
  bootId: 'b'.repeat(32),
  generation: 2,
  acceptedAt: 0,
  lastHeartbeatAt: SINCE,
  endedAt: null,
  exit: null,
  disk: null,
};

function atWork(change: Partial<BootView>, now: number) {
  return judgeAwake({ state: 'lit', boot: { ...BOOT, ...change } }, WATCHED, now);
}

function idle(state: TownState, now: number) {
  return judgeAsleep({ state, boot: BOOT }, WATCHED, now);
}

it('finds a town that sleeps, dies or is silent while its agents work', () => {
  const wrong = { invariant: 'running agents keep their town awake' };
  expect(atWork({}, 20_000)).toBe('undecided');
  expect(atWork({ lastHeartbeatAt: 28_000 }, 28_000)).toBeNull();
  expect(atWork({ endedAt: 20_000, exit: 'exit code 0' }, 20_000)).toMatchObject(wrong);
  expect(atWork({ generation: 3, lastHeartbeatAt: 28_000 }, 28_000)).toMatchObject(wrong);
  expect(atWork({}, 60_000)).toMatchObject(wrong);
});

it('finds an idle town that does not sleep', () => {
  expect(idle('lit', 30_000)).toBe('undecided');
  expect(idle('dark', 30_000)).toBeNull();
  const invariant = 'neither recoveries nor questions keep an idle town awake';
  expect(idle('lit', 50_000)).toMatchObject({ invariant });
});
