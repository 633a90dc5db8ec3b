import type { Fault } from './fault.ts';

/** workerd is killed, with all Durable Objects and Workflows in it, and comes back on the same state. */
const killed: Fault = {
  name: 'Durable Object reset: workerd killed',
  lastsMs: null,
  endsBoot: false,
  strike: async ({ arena }) => {
    await arena.restartWorker('SIGKILL');
    return null;
  },
};

/** The Worker ends in order and comes back, as in a deployment: its objects are evicted. */
const redeployed: Fault = {
  name: 'Worker redeployed in mid-recovery',
  lastsMs: null,
  endsBoot: false,
  strike: async ({ arena }) => {
    await arena.restartWorker('SIGTERM');
    return null;
  },
};

/** The operator replays the recovery, whatever is going on. */
const replayed: Fault = {
  name: 'recovery replayed',
  lastsMs: null,
  endsBoot: false,
  strike: async ({ town }) => {
    await town.client.call('POST', '/recoveries', {});
    return null;
  },
};

/** The operator replays one rig several times at once. */
const replayedOften: Fault = {
  name: 'recovery replayed: three at once',
  lastsMs: null,
  endsBoot: false,
  strike: async ({ town }) => {
    const replay = (): Promise<unknown> => town.client.call('POST', '/recoveries', { rigs: [town.rigs[0]] });
    await Promise.all([replay(), replay(), replay()]);
    return null;
  },
};

export const WORKER_FAULTS: readonly Fault[] = [killed, redeployed, replayed, replayedOften];
