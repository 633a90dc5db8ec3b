import { HostGates } from '../../container/git/host-gates.ts';
import { RECOVERY_WATCH_MS } from '../../src/rules/watch.ts';
import { endlessWaitMs, waitMs } from '../../src/rules/backoff.ts';
import { restoreBackoffMs } from '../../src/rules/dispatch.ts';
import { BACKOFFS } from '../../src/rules/failure-policy.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What a town does when it is refused. */
export interface StormPolicy {
  /** When a recovery whose creation was refused `tries` times is created again, by each of those who try, in ms. */
  launchWaits(tries: number, random: () => number): readonly number[];
  /** How a town's git commands get to the host. */
  gate(time: VirtualTime, random: () => number): <Result>(command: () => Promise<Result>) => Promise<Result>;
  /** How long a rig rests that failed for the `failures`-th time, in ms: first its recovery tries again, then itself. */
  restMs(failures: number, random: () => number): number;
}

/** As Relight does it. */
export const RELIGHT: StormPolicy = {
  // The watchdog alone: its first look after a start, then its back-off.
  launchWaits: (tries, random) => [
    tries === 1 ? RECOVERY_WATCH_MS : endlessWaitMs(BACKOFFS.launch, tries - 1, random()),
  ],
  gate(time, random) {
    const gates = new HostGates({
      now: () => time.now(),
      random,
      pause: async (ms, signal) => await time.sleep(ms, signal),
    });
    return async (command) => await gates.through('git.example', command);
  },
  restMs: (failures, random) => restMs(failures, random()),
};

/**
 * The usual way: whoever is refused comes back after fixed times. The boot's announcement and the watchdog both create its
 * recovery anew; a git command that is refused fails its rig.
 */
export const NAIVE: StormPolicy = {
  launchWaits: (tries) => [Math.min(15_000, 200 * 2 ** tries), RECOVERY_WATCH_MS],
  gate: () => async (command) => await command(),
  restMs: (failures) => restMs(failures, 0),
};

function restMs(failures: number, random: number): number {
  const inRecovery = waitMs(BACKOFFS.restoreInRecovery, failures, random);
  return inRecovery ?? restoreBackoffMs(failures - BACKOFFS.restoreInRecovery.waitsMs.length, random);
}
