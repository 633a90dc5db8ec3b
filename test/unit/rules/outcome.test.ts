import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Phase } from '../../../src/contract/recovery.ts';
import { defaultBranchFor } from '../../../src/rules/branch.ts';
import { rigReadyEvent } from '../../../src/rules/event-type.ts';
import { recoveryStatus, townState } from '../../../src/rules/outcome.ts';
import type { TownFacts } from '../../../src/rules/outcome.ts';
import { overheadMs } from '../../../src/rules/overhead.ts';
import { isBranchName } from '../../../src/contract/git-names.ts';
import { Id } from '../../../src/contract/ids.ts';

const idArbitrary = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/).filter((id) => Id.safeParse(id).success);

describe('recoveryStatus', () => {
  it.each([
    [[], 'complete'],
    [['ready', 'ready'], 'complete'],
    [['ready', 'failed'], 'partial'],
    [['partial'], 'partial'],
    [['failed', 'failed'], 'failed'],
    [['failed', 'waiting'], 'partial'],
    [['restoring'], 'partial'],
    [['ready', 'superseded', 'failed'], 'superseded'],
  ] as const)('of rigs that are %j is %s', (rigs, status) => {
    expect(recoveryStatus(rigs.map((each) => ({ status: each })))).toBe(status);
  });
});

describe('townState', () => {
  const alive: TownFacts = { boot: 'alive', recovering: false, hasFault: false, isHeld: false, rigs: [] };
  it.each<[Partial<TownFacts>, string]>([
    [{ boot: 'none' }, 'dark'],
    [{ boot: 'none', recovering: true }, 'dark'],
    [{ boot: 'none', hasFault: true }, 'degraded'],
    [{ boot: 'starting' }, 'starting'],
    [{ recovering: true, rigs: ['failed'] }, 'recovering'],
    [{ recovering: true, hasFault: true }, 'degraded'],
    [{ hasFault: true }, 'degraded'],
    [{ isHeld: true }, 'degraded'],
    [{ isHeld: true, recovering: true }, 'recovering'],
    [{}, 'lit'],
    [{ rigs: ['ready', 'dark', 'restoring'] }, 'lit'],
    [{ rigs: ['ready', 'failed'] }, 'degraded'],
    [{ rigs: ['partial'] }, 'degraded'],
  ])('of %j is %s', (facts, state) => {
    expect(townState({ ...alive, ...facts })).toBe(state);
  });
});

describe('overheadMs', () => {
  const phase = (work: Phase['work'], startedAt: number, ms: number): Phase => ({
    name: 'x',
    agent: null,
    work,
    startedAt,
    ms,
    ok: true,
    detail: '',
  });

  it.each([
    ['all of it without phases', [], 100],
    ['all of it but git', [phase('git', 1_010, 30)], 70],
    ['all of it but a setup', [phase('setup', 1_010, 30)], 70],
    ['Relight’s own phases as well', [phase('relight', 1_010, 30)], 100],
    ['overlapping work once', [phase('git', 1_010, 30), phase('setup', 1_020, 40)], 50],
    ['nested work once', [phase('git', 1_000, 100), phase('git', 1_020, 10)], 0],
    ['work in any order', [phase('git', 1_080, 10), phase('git', 1_010, 10)], 80],
    ['only what lies inside the recovery', [phase('git', 900, 110), phase('git', 1_095, 500)], 85],
    ['nothing of work outside', [phase('git', 0, 10), phase('git', 5_000, 10)], 100],
  ])('counts %s', (_, phases, expected) => {
    expect(overheadMs(1_000, 1_100, phases)).toBe(expected);
  });

  it('counts the milliseconds that no work covers', () => {
    const work = fc.record({ from: fc.integer({ min: 0, max: 120 }), ms: fc.integer({ min: 0, max: 60 }) });
    fc.assert(
      fc.property(fc.array(work, { maxLength: 8 }), (works) => {
        const uncovered = Array.from({ length: 100 }, (_, at) => at + 10).filter(
          (at) => !works.some(({ from, ms }) => from <= at && at < from + ms),
        );
        const phases = works.map(({ from, ms }) => phase('git', from, ms));
        expect(overheadMs(10, 110, phases)).toBe(uncovered.length);
      }),
    );
  });
});

describe('rigReadyEvent', () => {
  it('is a type that the platform takes', () => {
    fc.assert(
      fc.property(idArbitrary, fc.integer({ min: 1, max: 60 }), (rig, wait) => {
        expect(rigReadyEvent(rig, wait)).toMatch(/^[a-zA-Z0-9_][a-zA-Z0-9-_]{0,99}$/);
      }),
    );
  });

  it('is another one for each rig and wait', () => {
    const seen = new Map<string, string>();
    const near = fc.stringMatching(/^[a1][a1._-]{0,4}$/).filter((id) => Id.safeParse(id).success);
    fc.assert(
      fc.property(fc.oneof(near, idArbitrary), fc.integer({ min: 1, max: 60 }), (rig, wait) => {
        const type = rigReadyEvent(rig, wait);
        const key = `${rig}/${wait}`;
        expect(seen.get(type) ?? key).toBe(key);
        seen.set(type, key);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('defaultBranchFor', () => {
  it('is a branch name for any agent and bead, and another one for each', () => {
    fc.assert(
      fc.property(idArbitrary, idArbitrary, (agent, bead) => {
        expect(isBranchName(defaultBranchFor(agent, bead))).toBe(true);
        expect(defaultBranchFor(agent, bead)).toBe(`gt/${agent}/${bead}`);
      }),
    );
  });
});
