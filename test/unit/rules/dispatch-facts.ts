import type { DispatchAgent, DispatchRig } from '../../../src/rules/dispatch.ts';

/** A rig whose worktrees are there. */
export const RIG: DispatchRig = {
  generation: 3,
  bootId: 'a'.repeat(32),
  state: 'ready',
  fault: null,
  restoringSince: null,
  restoreNotBefore: null,
  heldUntil: null,
};

/** An agent that waits to be started. */
export const AGENT: DispatchAgent = {
  agent: 'ada',
  status: 'pending',
  hookedAt: 1,
  readyGeneration: 3,
  notBefore: null,
  startedAt: null,
  lastSeenAt: null,
};
