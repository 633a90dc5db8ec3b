import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DispatchAgent, DispatchRig } from '../../../src/rules/dispatch.ts';
import {
  AGENT_SILENCE_MS,
  HEALTHY_RUN_MS,
  infraBackoffMs,
  MAX_ATTEMPTS,
  PATROL_INTERVAL_MS,
  planAfterExit,
  planDispatch,
  RESTORE_SILENCE_MS,
  restoreBackoffMs,
  START_CONFIRM_MS,
} from '../../../src/rules/dispatch.ts';
import { AGENT, RIG } from './dispatch-facts.ts';

const NOW = 1_000_000_000;
const IN_PATROL = NOW + PATROL_INTERVAL_MS;

const FINAL = { code: 'git_auth', reason: 'no', retryable: false } as const;
const PASSING = { code: 'git_server', reason: 'no', retryable: true } as const;

describe('planDispatch', () => {
  const nothing = { restore: [], start: [], askAbout: [] };
  it.each<[string, Partial<DispatchRig>, Partial<DispatchAgent>, object]>([
    [
      'starts a pending agent whose worktree is there',
      {},
      {},
      { ...nothing, start: ['ada'], nextAt: IN_PATROL },
    ],
    [
      'restores first where the worktree is of an older generation',
      {},
      { readyGeneration: 2 },
      { ...nothing, restore: ['ada'], nextAt: IN_PATROL },
    ],
    ['leaves an idle agent', {}, { status: 'idle', hookedAt: null }, { ...nothing, nextAt: null }],
    ['leaves a failed agent', {}, { status: 'failed' }, { ...nothing, nextAt: null }],
    ['waits for the back-off', {}, { notBefore: NOW + 500 }, { ...nothing, nextAt: NOW + 500 }],
    [
      'starts when the back-off ends',
      {},
      { notBefore: NOW },
      { ...nothing, start: ['ada'], nextAt: IN_PATROL },
    ],
    [
      'does nothing without a container but look again',
      { bootId: null },
      {},
      { ...nothing, nextAt: IN_PATROL },
    ],
    [
      'does not restore while a restore runs',
      { state: 'restoring', restoringSince: NOW - 1 },
      { readyGeneration: 0 },
      { ...nothing, nextAt: IN_PATROL },
    ],
    [
      'asks again for a restore that is silent',
      { state: 'restoring', restoringSince: NOW - RESTORE_SILENCE_MS },
      { readyGeneration: 0 },
      { ...nothing, restore: ['ada'], nextAt: IN_PATROL },
    ],
    [
      'does not restore after a fault that will not pass',
      { state: 'failed', fault: FINAL },
      { readyGeneration: 0 },
      { ...nothing, nextAt: IN_PATROL },
    ],
    [
      'restores after a fault that may pass',
      { state: 'failed', fault: PASSING },
      { readyGeneration: 0 },
      { ...nothing, restore: ['ada'], nextAt: IN_PATROL },
    ],
    [
      'waits for the back-off of the restore',
      { state: 'failed', fault: PASSING, restoreNotBefore: NOW + 7 },
      { readyGeneration: 0 },
      { ...nothing, nextAt: NOW + 7 },
    ],
    [
      'does not restore what is missing of a rig in part after a fault that will not pass',
      { state: 'partial', fault: FINAL },
      { readyGeneration: 0 },
      { ...nothing, nextAt: IN_PATROL },
    ],
    [
      'starts nothing while the town holds starts back',
      { heldUntil: NOW + 7 },
      {},
      { ...nothing, nextAt: NOW + 7 },
    ],
    [
      'restores also while the town holds starts back',
      { heldUntil: NOW + 7 },
      { readyGeneration: 2 },
      { ...nothing, restore: ['ada'], nextAt: IN_PATROL },
    ],
    [
      'starts again when the town does',
      { heldUntil: NOW },
      {},
      { ...nothing, start: ['ada'], nextAt: IN_PATROL },
    ],
    [
      'starts what is ready even in a rig that failed',
      { state: 'failed', fault: FINAL },
      {},
      { ...nothing, start: ['ada'], nextAt: IN_PATROL },
    ],
    [
      'waits for a start to be confirmed',
      {},
      { status: 'starting', startedAt: NOW - START_CONFIRM_MS + 1 },
      { ...nothing, nextAt: IN_PATROL },
    ],
    [
      'asks about a start that nobody confirmed',
      {},
      { status: 'starting', startedAt: NOW - START_CONFIRM_MS },
      { ...nothing, askAbout: ['ada'], nextAt: IN_PATROL },
    ],
    [
      'leaves a working agent that was seen',
      {},
      { status: 'working', startedAt: 0, lastSeenAt: NOW - AGENT_SILENCE_MS + 1 },
      { ...nothing, nextAt: IN_PATROL },
    ],
    [
      'asks about a working agent that was not',
      {},
      { status: 'working', startedAt: 0, lastSeenAt: NOW - AGENT_SILENCE_MS },
      { ...nothing, askAbout: ['ada'], nextAt: IN_PATROL },
    ],
    [
      'goes on asking about a stalled one',
      {},
      { status: 'stalled', startedAt: 0 },
      { ...nothing, askAbout: ['ada'], nextAt: IN_PATROL },
    ],
  ])('%s', (_, rig, agent, plan) => {
    expect(planDispatch({ ...RIG, ...rig }, [{ ...AGENT, ...agent }], NOW)).toEqual(plan);
  });

  it('takes the oldest bead first', () => {
    const agents = [5, 2, 9].map((hookedAt) => ({ ...AGENT, agent: `a${hookedAt}`, hookedAt }));
    expect(planDispatch(RIG, agents, NOW).start).toEqual(['a2', 'a5', 'a9']);
  });

  const instant = fc.option(fc.integer({ min: NOW - 1_000_000, max: NOW + 600_000 }));
  const anyAgent: fc.Arbitrary<DispatchAgent> = fc.record({
    agent: fc.uuid(),
    status: fc.constantFrom('idle', 'pending', 'starting', 'working', 'stalled', 'failed'),
    hookedAt: instant,
    readyGeneration: fc.integer({ min: 0, max: 3 }),
    notBefore: instant,
    startedAt: instant,
    lastSeenAt: instant,
  });
  const anyRig: fc.Arbitrary<DispatchRig> = fc.record({
    generation: fc.constant(3),
    bootId: fc.constantFrom(null, 'a'.repeat(32)),
    state: fc.constantFrom('dark', 'restoring', 'ready', 'partial', 'failed'),
    fault: fc.constantFrom(null, FINAL, PASSING),
    restoringSince: instant,
    restoreNotBefore: instant,
    heldUntil: instant,
  });

  it('invariant 8: always looks again, within a patrol, while any agent is hooked and not given up', () => {
    fc.assert(
      fc.property(anyRig, fc.array(anyAgent, { maxLength: 6 }), (rig, agents) => {
        const plan = planDispatch(rig, agents, NOW);
        const isWork = agents.some(
          ({ hookedAt, status }) => hookedAt !== null && status !== 'idle' && status !== 'failed',
        );
        if (!isWork) expect(plan).toEqual({ restore: [], start: [], askAbout: [], nextAt: null });
        else {
          expect(plan.nextAt).toBeGreaterThan(NOW);
          expect(plan.nextAt).toBeLessThanOrEqual(IN_PATROL);
        }
      }),
    );
  });

  it('starts only pending agents whose worktree is of this generation and whose time has come', () => {
    fc.assert(
      fc.property(anyRig, fc.array(anyAgent, { maxLength: 6 }), (rig, agents) => {
        const { start, restore, askAbout } = planDispatch(rig, agents, NOW);
        if ((rig.heldUntil ?? 0) > NOW) expect(start).toEqual([]);
        for (const name of start) {
          const agent = agents.find((each) => each.agent === name);
          expect(agent).toMatchObject({ status: 'pending', readyGeneration: 3 });
          expect(agent?.notBefore ?? 0).toBeLessThanOrEqual(NOW);
        }
        expect(new Set([...start, ...restore, ...askAbout]).size).toBe(
          start.length + restore.length + askAbout.length,
        );
      }),
    );
  });
});

describe('planAfterExit', () => {
  it.each([
    [0, 1_000, { status: 'pending', attempts: 1, notBefore: NOW + 30_000 }],
    [1, 1_000, { status: 'pending', attempts: 2, notBefore: NOW + 60_000 }],
    [2, 1_000, { status: 'pending', attempts: 3, notBefore: NOW + 120_000 }],
    [3, 1_000, { status: 'pending', attempts: 4, notBefore: NOW + 300_000 }],
    [4, 1_000, { status: 'failed', attempts: 5, notBefore: null }],
    [9, 1_000, { status: 'failed', attempts: 10, notBefore: null }],
    [4, HEALTHY_RUN_MS - 1, { status: 'failed', attempts: 5, notBefore: null }],
    [4, HEALTHY_RUN_MS, { status: 'pending', attempts: 1, notBefore: NOW + 30_000 }],
  ])('after %i attempts and a run of %i ms', (attempts, ranMs, plan) => {
    expect(planAfterExit(attempts, ranMs, NOW)).toEqual(plan);
  });

  it('gives up after exactly MAX_ATTEMPTS short runs', () => {
    let attempts = 0;
    let rounds = 0;
    for (let plan = planAfterExit(0, 0, NOW); ; plan = planAfterExit(attempts, 0, NOW)) {
      rounds += 1;
      attempts = plan.attempts;
      if (plan.status === 'failed') break;
    }
    expect(rounds).toBe(MAX_ATTEMPTS);
  });
});

describe('back-offs', () => {
  it.each([
    [infraBackoffMs, [500, 500, 1_000, 2_000, 4_000], 60_000],
    [restoreBackoffMs, [15_000, 15_000, 30_000, 60_000, 120_000], 600_000],
  ])('double up to their maximum', (backoff, first, most) => {
    expect([0, 1, 2, 3, 4].map((tries) => backoff(tries))).toEqual(first);
    expect(backoff(50)).toBe(most);
    expect(backoff(5_000)).toBe(most);
  });
});
