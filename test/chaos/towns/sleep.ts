import { setTimeout as delay } from 'node:timers/promises';
import type { TownView } from '../../../src/contract/town.ts';
import { SLEEP_AFTER_MS } from './arena.ts';
import type { Town } from './open-town.ts';
import { patiently } from './patience.ts';
import type { Violation } from './violations.ts';

const LOOK_MS = 500;
/** A heartbeat comes every 5 s, and the container looks at its clock now and then. */
const SLACK_MS = 6_000;
/** To drain, and for the news to come. */
const END_MS = 15_000;

/** What a look at a town says: nothing yet, that all is well (null), or what is wrong. */
type Verdict = 'undecided' | null | Violation;

/** From when on a town is watched, in epoch milliseconds, and in which generation it was then. */
interface Watched {
  readonly since: number;
  readonly generation: number;
}

type Sight = Pick<TownView, 'state' | 'boot'>;

/** A town whose agents work has to be heard of in the same boot when one that nothing renews would have gone to sleep. */
export function judgeAwake({ state, boot }: Sight, { since, generation }: Watched, now: number): Verdict {
  const livesOn = boot?.generation === generation && boot.endedAt === null;
  const isSilent = now > since + 2 * (SLEEP_AFTER_MS + SLACK_MS);
  if (!livesOn || isSilent) {
    const end = boot?.exit ?? 'without an end';
    const seen = `generation ${generation} did not live on: the town is ${state}, its boot ${end}`;
    return { invariant: 'running agents keep their town awake', seen };
  }
  return (boot.lastHeartbeatAt ?? 0) > since + SLEEP_AFTER_MS + SLACK_MS ? null : 'undecided';
}

/** A town whose agents are done has to be dark before long, whatever it was asked meanwhile. */
export function judgeAsleep({ state }: Sight, { since }: Watched, now: number): Verdict {
  if (state === 'dark') return null;
  if (now <= since + SLEEP_AFTER_MS + SLACK_MS + END_MS) return 'undecided';
  const seen = `it is ${state} ${now - since} ms after its last agent was done`;
  return { invariant: 'neither recoveries nor questions keep an idle town awake', seen };
}

/** Watches a town whose agents work; null where it stays awake, or where none works. */
export async function watchAwake(town: Town): Promise<Violation | null> {
  const asked = town.members.map(({ rig, agent }) => patiently(() => town.client.agent(rig, agent)));
  const isAtWork = (await Promise.all(asked)).some(({ status }) => status === 'working');
  return isAtWork ? watch(town, judgeAwake) : null;
}

/** Replays the recovery of a town whose agents are done, and watches it; null where it sleeps all the same. */
export async function watchAsleep(town: Town): Promise<Violation | null> {
  // A replay of a dark town would start it.
  if ((await patiently(() => town.client.town())).state === 'dark') return null;
  await patiently(() => town.client.call('POST', '/recoveries', {}));
  return watch(town, judgeAsleep);
}

async function watch({ client }: Town, judge: typeof judgeAwake): Promise<Violation | null> {
  const { generation } = await patiently(() => client.town());
  const watched = { since: Date.now(), generation };
  for (;;) {
    const verdict = judge(await patiently(() => client.town()), watched, Date.now());
    if (verdict !== 'undecided') return verdict;
    await delay(LOOK_MS);
  }
}
