import { describe, expect, it } from 'vitest';
import type { Change, FeedEntry } from '../../src/contract/changes.ts';
import type { AgentReport, Recovery } from '../../src/contract/recovery.ts';
import { FAULTS } from '../chaos/faults/all.ts';
import type { Deeds } from '../chaos/faults/fault.ts';
import { randomFrom } from '../../dev/random.ts';
import type { DiaryLine } from '../chaos/towns/diary.ts';
import { resultOf } from '../chaos/towns/ledger.ts';
import { describeStrike, planTrial } from '../chaos/towns/plan.ts';
import { violationsOf } from '../chaos/towns/violations.ts';
import type { AgentEvidence, TrialEvidence } from '../chaos/towns/violations.ts';

const [FIRST, SECOND, THIRD] = ['1', '2', '3'].map((digit) => digit.repeat(40)) as [string, string, string];
const BOOTS = ['a'.repeat(32), 'b'.repeat(32)] as const;
const AGENT = { rig: 'rig1', agent: 'ada', key: 'rig1-ada', bead: 'bead', branch: 'gt/ada/bead' };

type Entry = DiaryLine extends infer Line
  ? Line extends DiaryLine
    ? Omit<Line, 'life' | 'pid'>
    : never
  : never;

const inLife = (life: string, lines: readonly Entry[]): DiaryLine[] =>
  lines.map((line) => ({ ...line, life, pid: 1 }));

function arrived(
  at: number,
  commits: string[],
  draft: number,
  more: { checkpoint?: number; excused?: string[] } = {},
) {
  return { what: 'arrived' as const, at, commits, draft, checkpoint: 0, excused: [], ...more };
}

/** A life that drafted, committed and pushed, and drafted once more. */
const EARLIER = inLife('one', [
  arrived(100, [FIRST], 0),
  { what: 'drafted', at: 110, n: 1 },
  { what: 'committed', at: 120, commit: SECOND, n: 1 },
  { what: 'pushed', at: 130, commit: SECOND },
  { what: 'drafted', at: 140, n: 2 },
  { what: 'checkpointed', at: 150, n: 2 },
]);

/** The life after that, which found what it says and finished its bead. */
const later = (found: Entry): DiaryLine[] =>
  inLife('two', [found, { what: 'committed', at: 320, commit: THIRD, n: 2 }, { what: 'finished', at: 330 }]);
const FOUND_ALL = arrived(300, [FIRST, SECOND], 2, { checkpoint: 2 });

function boot(at: number, generation: number): [number, Change] {
  return [at, { kind: 'boot', bootId: BOOTS[generation - 1] ?? '', generation }];
}

function snapshot(at: number, takenAt: number): [number, Change] {
  const glance = { generation: 1, seq: 1, files: 1, bytes: 1, store: 'r2', leftOutCount: 0 } as const;
  const { rig, agent } = AGENT;
  return [at, { kind: 'snapshot', rig, agent, snapshot: { ...glance, at: takenAt, verifiedAt: at } }];
}

const DONE: [number, Change] = [
  325,
  { kind: 'done', rig: 'rig1', agent: 'ada', bead: 'bead', prUrl: null, doneAt: 0 },
];
const USUAL = [boot(50, 1), snapshot(148, 145), boot(250, 2), DONE];

function feed(changes: readonly [number, Change][]): FeedEntry[] {
  return changes.map(([at, change], index) => ({ seq: index + 1, at, change }));
}

function recovery(bootId: string, status: Recovery['status'] = 'complete'): Recovery {
  const facts = {
    generation: 1,
    trigger: 'boot',
    startedAt: 0,
    finishedAt: 1,
    fault: null,
    overheadMs: 0,
    rigs: [],
  } as const;
  return { ...facts, recoveryId: `boot-${bootId}`, bootId, status, rigs: [] };
}

const NO_DEEDS: Deeds = {
  killedAgents: [],
  tampered: new Set(),
  wrongClock: false,
  staleAnswers: [],
};

function seen(agent: Partial<AgentEvidence> = {}, more: Partial<TrialEvidence> = {}): string[] {
  const ada: AgentEvidence = {
    ...AGENT,
    view: { status: 'idle', bead: null, attempts: 0, fault: null },
    diary: [...EARLIER, ...later(FOUND_ALL)],
    remote: new Set([FIRST, SECOND, THIRD]),
    snapshots: 0,
    ...agent,
  };
  const evidence: TrialEvidence = {
    feed: feed(USUAL),
    recoveries: BOOTS.map((bootId) => recovery(bootId)),
    agents: [ada],
    branches: [AGENT.branch],
    workflows: BOOTS.map((bootId) => ({ id: `boot-${bootId}`, status: 'complete' })),
    deeds: NO_DEEDS,
    blows: [],
    sleep: [],
    overdue: [],
    leftProcesses: [],
    leaks: [],
    ...more,
  };
  return violationsOf(evidence).map(({ invariant }) => invariant);
}

/** Two rigs of which the second is in trouble; the first had its own git done after 100 ms, and was ready at `readyAt`. */
function together(readyAt: number, gitMs = 100): Partial<TrialEvidence> {
  const [first] = BOOTS;
  const phase = { name: 'fetch', agent: null, work: 'git', startedAt: 60, ok: true, detail: '' } as const;
  const own = { fault: null, phases: [{ ...phase, ms: gitMs }], agents: [] };
  const fault = { code: 'git_unreachable', reason: 'cut', retryable: true } as const;
  const rigs: Recovery['rigs'] = [
    { ...own, rig: 'rig1', status: 'ready' },
    { ...own, rig: 'rig2', status: 'failed', fault },
  ];
  const ready: [number, Change] = [readyAt, { kind: 'rig', rig: 'rig1', state: 'ready', fault: null }];
  const [second] = BOOTS.slice(1);
  const recoveries = [{ ...recovery(first), startedAt: 50, rigs }, recovery(second ?? '')];
  return { recoveries, feed: feed([...USUAL, ready]) };
}

/** Something that befell rigs, or with null the whole town, from 1 s to 2 s. */
function blowTo(rigs: readonly string[] | null): TrialEvidence['blows'][number] {
  return { rigs, endsBoot: false, at: 1_000, endedAt: 2_000 };
}

const COMES_BACK = 'a recorded snapshot and a push come back';

describe('the judge of a chaos run', () => {
  it('finds nothing where everything holds', () => {
    expect(seen()).toEqual([]);
  });

  it('finds a pushed commit that did not come back, and work that a recorded snapshot had', () => {
    const without = (found: Entry): string[] => seen({ diary: [...EARLIER, ...later(found)] });
    expect(without(arrived(300, [FIRST], 2, { checkpoint: 2 }))).toEqual([COMES_BACK]);
    expect(without(arrived(300, [FIRST, SECOND], 1, { checkpoint: 2 }))).toEqual([COMES_BACK]);
  });

  it('lets go of work that was younger than the newest snapshot', () => {
    const young = feed([boot(50, 1), snapshot(148, 139), boot(250, 2), DONE]);
    const diary = [...EARLIER, ...later(arrived(300, [FIRST, SECOND], 1, { checkpoint: 2 }))];
    expect(seen({ diary }, { feed: young })).toEqual([]);
  });

  it('asks for nothing that was lost with an earlier disk before it could be stored', () => {
    const lost = inLife('zero', [
      arrived(10, [FIRST], 0),
      { what: 'committed', at: 40, commit: THIRD, n: 1 },
    ]);
    expect(seen({ diary: [...lost, ...EARLIER, ...later(FOUND_ALL)] })).toEqual([]);
  });

  it('finds any loss where the container lived on', () => {
    const diary = [...EARLIER, ...later(arrived(300, [FIRST, SECOND], 1, { checkpoint: 2 }))];
    const lived = feed([boot(50, 1), DONE]);
    expect(seen({ diary }, { feed: lived })).toEqual(['uncommitted work is never destroyed']);
  });

  it('excuses a loss only where somebody else changed the branch and the agent was told', () => {
    const deeds = { ...NO_DEEDS, tampered: new Set([AGENT.key]) };
    const lost = (excused: string[]): DiaryLine[] => [
      ...EARLIER,
      ...later(arrived(300, [FIRST], 0, { checkpoint: 2, excused })),
    ];
    expect(seen({ diary: lost(['gone']) }, { deeds })).toEqual([]);
    expect(seen({ diary: lost([]) }, { deeds })).toEqual([COMES_BACK]);
    expect(seen({ diary: lost(['gone']) })).toEqual([COMES_BACK]);
  });

  it('finds a checkpoint that went back', () => {
    const diary = [...EARLIER, ...later(arrived(300, [FIRST, SECOND], 2, { checkpoint: 1 }))];
    expect(seen({ diary })).toEqual(['a checkpoint is kept']);
  });

  it('finds two processes of one agent at the same time', () => {
    const ghost = inLife('one', [{ what: 'alive', at: 310 }]);
    const diary = [...EARLIER, ...later(FOUND_ALL), ...ghost];
    expect(seen({ diary })).toEqual(['two processes never run the same agent']);
  });

  it('finds a bead that was not done, done twice, or worked on afterwards', () => {
    expect(seen({}, { feed: feed(USUAL.slice(0, 3)) })).toEqual(['each bead is done exactly once']);
    expect(seen({}, { feed: feed([...USUAL, DONE]) })).toEqual(['each bead is done exactly once']);
    const again = inLife('three', [arrived(9_000, [FIRST, SECOND, THIRD], 2, { checkpoint: 2 })]);
    expect(seen({ diary: [...EARLIER, ...later(FOUND_ALL), ...again] })).toContain(
      'a finished bead is not worked on again',
    );
  });

  it('finds a finished bead whose work is not on the remote, and one that is not finished', () => {
    expect(seen({ remote: new Set([FIRST, SECOND]) })).toEqual(['a finished bead is on the remote']);
    expect(seen({ remote: null })).toEqual(['a finished bead is on the remote']);
    const bead = { id: 'bead', title: 'bead', body: '' };
    const view = { status: 'pending', bead, attempts: 0, fault: null } as const;
    expect(seen({ view })).toEqual(['every agent finishes its bead']);
    expect(seen({ snapshots: 1 })).toEqual(['the snapshots of a finished bead are deleted']);
  });

  it('finds attempts that nobody but the infrastructure can have used up', () => {
    const glance = { agent: 'ada', attempts: 1, status: 'pending', fault: null } as const;
    const change = { kind: 'agent', rig: 'rig1', agent: glance } as unknown as Change;
    const changes = feed([...USUAL, [200, change]]);
    expect(seen({}, { feed: changes })).toEqual(['infrastructure faults use no attempts']);
    expect(seen({}, { feed: changes, deeds: { ...NO_DEEDS, killedAgents: [AGENT.key] } })).toEqual([]);
  });

  it('finds generations that do not grow, and recoveries and workflows that do not end', () => {
    expect(seen({}, { feed: feed([boot(40, 2), ...USUAL.slice(1)]) })).toEqual([
      'generations only grow, one for each boot',
    ]);
    expect(seen({}, { recoveries: [recovery(BOOTS[0]), recovery(BOOTS[0])] })).toEqual([
      'one recovery per boot',
    ]);
    expect(seen({}, { recoveries: [recovery(BOOTS[0], 'running')] })).toEqual(['every recovery ends']);
    expect(seen({}, { workflows: [{ id: 'x', status: 'waiting' }] })).toEqual([
      'no workflow is left running',
    ]);
  });

  it('finds an answer to a former boot that is not a refusal, stray branches, processes, secrets and delays', () => {
    const staleAnswers = [{ path: '/callback/done', status: 204, code: null }];
    expect(seen({}, { deeds: { ...NO_DEEDS, staleAnswers } })).toHaveLength(1);
    expect(seen({}, { branches: [AGENT.branch, 'gt/ada/other'] })).toHaveLength(1);
    expect(seen({}, { leftProcesses: [1] })).toEqual(['no process is left behind']);
    expect(seen({}, { leaks: ['the token'] })).toEqual(['no secret in a log line']);
    expect(seen({}, { overdue: ['rig1 is failed'] })).toHaveLength(1);
  });

  it('finds a rig that waited for another one, unless its own git took so long or something else befell it', () => {
    const heldBack = ['one rig never holds the others back'];
    expect(seen({}, together(30_000))).toEqual(heldBack);
    expect(seen({}, { ...together(30_000), blows: [blowTo(['rig2'])] })).toEqual(heldBack);
    expect(seen({}, together(1_000))).toEqual([]);
    expect(seen({}, together(30_000, 29_000))).toEqual([]);
    for (const rigs of [['rig1'], null])
      expect(seen({}, { ...together(30_000), blows: [blowTo(rigs)] })).toEqual([]);
  });

  it('finds an agent that was not started when its rig was ready', () => {
    const { recoveries, feed: told } = together(1_000) as Pick<TrialEvidence, 'recoveries' | 'feed'>;
    const report = { agent: 'ada' } as unknown as AgentReport;
    const rigs = recoveries[0]?.rigs.map((rig) => ({ ...rig, agents: [report] })) ?? [];
    const working = { kind: 'agent', rig: 'rig1', agent: { agent: 'ada', generation: 1, status: 'working' } };
    const startedAt = (at: number): Partial<TrialEvidence> => ({
      recoveries: recoveries.map((one, n) => (n === 0 ? { ...one, rigs } : one)),
      feed: [...told, ...feed([[at, working as unknown as Change]])],
    });
    expect(seen({}, startedAt(2_000))).toEqual([]);
    expect(seen({}, startedAt(30_000))).toEqual(['one rig never holds the others back']);
  });

  it('passes on what was wrong with the sleep of a town', () => {
    const wrong = { invariant: 'running agents keep their town awake', seen: 'dark' };
    expect(seen({}, { sleep: [null, wrong] })).toEqual([wrong.invariant]);
  });

  it('calls no suite good in which nothing struck', () => {
    expect(resultOf(1, [], ['any']).ok).toBe(false);
    const struck = { fault: 'any', plan: '', rigs: null, endsBoot: false };
    const blow = { ...struck, at: 1, endedAt: 2, missed: null, recoveryMs: 3 };
    const trial = { number: 1, seed: 1, violations: [], feed: [], lingering: [], isUnfinished: false, ms: 1 };
    expect(resultOf(1, [{ ...trial, blows: [{ ...blow, missed: 'no' }] }], ['any']).ok).toBe(false);
    expect(resultOf(1, [{ ...trial, blows: [blow] }], ['any']).ok).toBe(true);
  });
});

describe('the plan of a chaos run', () => {
  it('is the same for the same seed, and another one for another', () => {
    const planned = (seed: number): string[] =>
      planTrial(randomFrom(seed), FAULTS).strikes.map(describeStrike);
    expect(planned(7)).toEqual(planned(7));
    const plans = new Set(Array.from({ length: 50 }, (_, seed) => planned(seed).join()));
    expect(plans.size).toBeGreaterThan(40);
  });

  it('uses every fault at some time, none after the town is done', () => {
    const plans = Array.from({ length: 2_000 }, (_, seed) => planTrial(randomFrom(seed), FAULTS));
    const names = new Set(plans.flatMap(({ strikes }) => strikes.map(({ fault }) => fault.name)));
    expect(names.size).toBe(FAULTS.length);
    for (const { strikes } of plans) {
      const done = strikes.findIndex(({ phase }) => phase === 'done');
      const after = done < 0 ? [] : strikes.slice(done);
      expect(after.every(({ phase }) => phase === 'done')).toBe(true);
    }
  });
});
