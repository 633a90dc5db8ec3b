import type { AgentView } from '../../../src/contract/agent.ts';
import type { FeedEntry } from '../../../src/contract/changes.ts';
import type { Recovery } from '../../../src/contract/recovery.ts';
import type { Deeds } from '../faults/fault.ts';
import type { DiaryLine } from './diary.ts';
import { judgeRigs } from './rigs.ts';
import type { Blow } from './trial.ts';
import { judgeWork } from './work.ts';

/** What is known of one agent at the end of a run. */
export interface AgentEvidence {
  readonly rig: string;
  readonly agent: string;
  readonly key: string;
  readonly bead: string;
  readonly branch: string;
  readonly view: Pick<AgentView, 'status' | 'bead' | 'attempts' | 'fault'>;
  readonly diary: readonly DiaryLine[];
  /** The commits of its branch on the remote; null where there is no such branch. */
  readonly remote: ReadonlySet<string> | null;
  /** How many snapshots the Worker still has of it. */
  readonly snapshots: number;
}

/** Everything that a run is judged by. */
export interface TrialEvidence {
  readonly feed: readonly FeedEntry[];
  readonly recoveries: readonly Recovery[];
  readonly agents: readonly AgentEvidence[];
  /** The branches of all remotes, without those that a repository began with. */
  readonly branches: readonly string[];
  readonly workflows: readonly { readonly id: string; readonly status: string }[];
  readonly deeds: Deeds;
  /** What befell the town, in the order in which it struck. */
  readonly blows: readonly Pick<Blow, 'rigs' | 'endsBoot' | 'at' | 'endedAt'>[];
  /** What was wrong with the town's sleep; null for each look at it that found nothing or was not taken. */
  readonly sleep: readonly (Violation | null)[];
  /** What did not come about in time. */
  readonly overdue: readonly string[];
  /** Processes of the town's containers after the town was removed. */
  readonly leftProcesses: readonly number[];
  /** Which secrets were printed, by their names. */
  readonly leaks: readonly string[];
}

/** An invariant of the design that does not hold, and how that was seen. */
export interface Violation {
  readonly invariant: string;
  readonly seen: string;
}

const ENDED_WORKFLOWS: ReadonlySet<string> = new Set(['complete', 'errored', 'terminated']);
/** How long an agent's process may outlive its bead. */
const LAST_BREATH_MS = 5_000;

/** Finds what must not be. */
export function violationsOf(evidence: TrialEvidence): Violation[] {
  const { overdue, leftProcesses, leaks, agents } = evidence;
  return [
    ...overdue.map((seen) => ({ invariant: 'everything ends in another try or in a visible state', seen })),
    ...judgeBoots(evidence),
    ...judgeRecoveries(evidence),
    ...evidence.deeds.staleAnswers
      .filter(({ status, code }) => status !== 409 || code !== 'stale_generation')
      .map(({ path, status, code }) => ({
        invariant: 'a message of an earlier generation is answered 409 stale_generation',
        seen: `${path} was answered ${status} ${code ?? 'without a code'}`,
      })),
    ...agents.flatMap((agent) => [...judgeBead(agent, evidence), ...judgeWork(agent, evidence)]),
    ...judgeBranches(evidence),
    ...judgeRigs(evidence),
    ...evidence.sleep.filter((wrong) => wrong !== null),
    ...leftProcesses.map((pid) => ({ invariant: 'no process is left behind', seen: `process ${pid}` })),
    ...leaks.map((name) => ({ invariant: 'no secret in a log line', seen: `${name} was printed` })),
  ];
}

function judgeBoots({ feed }: TrialEvidence): Violation[] {
  const boots = feed.flatMap(({ change }) => (change.kind === 'boot' ? [change] : []));
  return boots.slice(1).flatMap(({ bootId, generation }, at) => {
    const before = boots[at];
    if (before === undefined || (generation > before.generation && bootId !== before.bootId)) return [];
    const seen = `generation ${generation} of ${bootId} after ${before.generation} of ${before.bootId}`;
    return [{ invariant: 'generations only grow, one for each boot', seen }];
  });
}

function judgeRecoveries({ recoveries, workflows }: TrialEvidence): Violation[] {
  const ofBoots = recoveries.filter(({ recoveryId }) => recoveryId.startsWith('boot-'));
  const doubles = ofBoots.filter(
    ({ bootId }, at) => ofBoots.findIndex((one) => one.bootId === bootId) !== at,
  );
  return [
    ...doubles.map(({ recoveryId }) => ({ invariant: 'one recovery per boot', seen: recoveryId })),
    ...recoveries
      .filter(({ status }) => status === 'running')
      .map(({ recoveryId }) => ({ invariant: 'every recovery ends', seen: `${recoveryId} still runs` })),
    ...workflows
      .filter(({ status }) => !ENDED_WORKFLOWS.has(status))
      .map(({ id, status }) => ({ invariant: 'no workflow is left running', seen: `${id} is ${status}` })),
  ];
}

function judgeBead(
  { rig, agent, key, bead, view, diary, snapshots }: AgentEvidence,
  evidence: TrialEvidence,
): Violation[] {
  const changes = evidence.feed.flatMap(({ at, change }) =>
    'rig' in change && change.rig === rig ? [{ at, change }] : [],
  );
  const done = changes.filter(
    ({ change }) => change.kind === 'done' && change.agent === agent && change.bead === bead,
  );
  const found: Violation[] = [];
  const add = (invariant: string, seen: string): void =>
    void found.push({ invariant, seen: `${key}: ${seen}` });
  if (done.length !== 1) add('each bead is done exactly once', `${done.length} times`);
  if (view.status !== 'idle' || view.bead !== null) {
    add('every agent finishes its bead', `${view.status}, ${view.fault?.reason ?? 'without a reason'}`);
  } else if (snapshots > 0) {
    add('the snapshots of a finished bead are deleted', `${snapshots} are left`);
  }
  const [first] = done;
  const late = diary.find(
    ({ what, at }) => what === 'arrived' && first !== undefined && at > first.at + LAST_BREATH_MS,
  );
  if (late !== undefined) add('a finished bead is not worked on again', 'it was started once more');
  const glances = changes.flatMap(({ change }) =>
    change.kind === 'agent' && change.agent.agent === agent ? [change.agent] : [],
  );
  const kills = evidence.deeds.killedAgents.filter((name) => name === key).length;
  const attempts = Math.max(0, ...glances.map((glance) => glance.attempts));
  if (attempts > kills) {
    const reason = glances.find((glance) => glance.attempts > kills)?.fault?.reason ?? 'without a reason';
    add('infrastructure faults use no attempts', `${attempts} attempts, ${kills} of them killed: ${reason}`);
  }
  if (glances.some(({ status, fault }) => status === 'failed' && fault === null)) {
    add('a state that needs an operator has a reason', 'failed without one');
  }
  return found;
}

function judgeBranches({ branches, agents }: TrialEvidence): Violation[] {
  const known = new Set(agents.map(({ branch }) => branch));
  return branches
    .filter((branch) => !known.has(branch))
    .map((branch) => ({
      invariant: 'each agent works on the one branch of its hook',
      seen: `${branch} is on the remote`,
    }));
}
