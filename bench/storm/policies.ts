import { HostGates } from '../../container/git/host-gates.ts';
import { RECOVERY_WATCH_MS } from '../../src/rules/watch.ts';
import { launchWaitMs, spreadMs } from '../../src/rules/storm.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What a town does when it is refused. */
export interface StormPolicy {
  /** When a recovery whose creation was refused `tries` times is created again, by each of those who try, in ms. */
  launchWaits(tries: number, random: () => number): readonly number[];
  /** How a town's git commands get to the host. */
  gate(time: VirtualTime, random: () => number): <Result>(command: () => Promise<Result>) => Promise<Result>;
  /** How long a failed rig rests for which the policy says `ms`. */
  restMs(ms: number, random: () => number): number;
}

/** As Relight does it. */
export const RELIGHT: StormPolicy = {
  launchWaits: (tries, random) => [launchWaitMs(tries, random())],
  gate(time, random) {
    const gates = new HostGates({
      now: () => time.now(),
      random,
      pause: async (ms, signal) => await time.sleep(ms, signal),
    });
    return async (command) => await gates.through('git.example', command);
  },
  restMs: (ms, random) => spreadMs(ms, random()),
};

/**
 * The usual way: whoever is refused comes back after fixed times. The boot's announcement and the watchdog both create its
 * recovery anew; a git command that is refused fails its rig.
 */
export const NAIVE: StormPolicy = {
  launchWaits: (tries) => [Math.min(15_000, 200 * 2 ** tries), RECOVERY_WATCH_MS],
  gate: () => async (command) => await command(),
  restMs: (ms) => ms,
};
