import type { FeedEntry } from '../../../src/contract/changes.ts';
import type { DiaryLine } from './diary.ts';
import type { AgentEvidence, TrialEvidence, Violation } from './violations.ts';

type Arrival = Extract<DiaryLine, { what: 'arrived' }>;

/** What must be in a worktree at the beginning of a life. */
interface Owed {
  readonly commits: readonly string[];
  readonly draft: number;
  readonly checkpoint: number;
}

/** Judges each life of an agent by what it found, and the remote by what all lives did. */
export function judgeWork(agent: AgentEvidence, evidence: TrialEvidence): Violation[] {
  const { diary, key } = agent;
  const isTampered = evidence.deeds.tampered.has(key);
  const arrivals = diary.filter((line): line is Arrival => line.what === 'arrived');
  const found: Violation[] = [];
  const add = (invariant: string, seen: string): void =>
    void found.push({ invariant, seen: `${key}: ${seen}` });

  for (const arrival of arrivals.slice(1)) {
    const at = diary.indexOf(arrival);
    const former = diary.slice(0, at);
    const isSameDisk = !bootBetween(evidence.feed, former.at(-1)?.at ?? 0, arrival.at);
    const owed = isSameDisk ? owedByDisk(former) : owedBySnapshots(agent, former, evidence);
    const invariant = isSameDisk
      ? 'uncommitted work is never destroyed'
      : 'a recorded snapshot and a push come back';
    const lost = lostOf(owed, arrival);
    // Work may be lost or set aside where somebody else changed the branch, but never in silence.
    const isExcused = isTampered && arrival.excused.length > 0;
    if (lost.length > 0 && !isExcused) add(invariant, `${lost.join(', ')} after life ${former.at(-1)?.life}`);
    if (arrival.checkpoint < owed.checkpoint) {
      add('a checkpoint is kept', `found ${arrival.checkpoint}, saved ${owed.checkpoint}`);
    }
  }
  for (const overlap of overlapsOf(diary)) add('two processes never run the same agent', overlap);
  const last = arrivals.at(-1);
  if (last !== undefined && !isTampered && agent.view.status === 'idle') {
    const made = diary
      .slice(diary.indexOf(last))
      .flatMap((line) => (line.what === 'committed' ? [line.commit] : []));
    const pushed = diary.flatMap((line) => (line.what === 'pushed' ? [line.commit] : []));
    const missing = [...new Set([...made, ...pushed])].filter((commit) => agent.remote?.has(commit) !== true);
    if (missing.length > 0)
      add('a finished bead is on the remote', `${missing.length} commits are not: ${missing[0]}`);
  }
  return found;
}

/** All that was done: the disk is the same. */
function owedByDisk(former: readonly DiaryLine[]): Owed {
  return owedUntil(former, Number.POSITIVE_INFINITY);
}

/** What was pushed, and what was there when the newest recorded snapshot was taken. */
function owedBySnapshots(
  { rig, agent }: AgentEvidence,
  former: readonly DiaryLine[],
  { feed, deeds }: TrialEvidence,
): Owed {
  const until = former.at(-1)?.at ?? 0;
  const taken = feed.flatMap(({ at, change }) =>
    change.kind === 'snapshot' && change.rig === rig && change.agent === agent && at <= until
      ? [change.snapshot.at]
      : [],
  );
  return owedUntil(former, deeds.wrongClock ? 0 : Math.max(0, ...taken));
}

function owedUntil(former: readonly DiaryLine[], takenAt: number): Owed {
  const kept = former.filter(({ at }) => at < takenAt);
  const pushed = former.flatMap((line) => (line.what === 'pushed' ? [line.commit] : []));
  const committed = kept.flatMap((line) => (line.what === 'committed' ? [line.commit] : []));
  const numbers = kept.flatMap((line) => (line.what === 'drafted' ? [line.n] : []));
  const saved = former.flatMap((line) => (line.what === 'checkpointed' ? [line.n] : []));
  return {
    commits: [...new Set([...pushed, ...committed])],
    draft: Math.max(0, ...numbers),
    checkpoint: Math.max(0, ...saved),
  };
}

function lostOf({ commits, draft }: Owed, arrival: Arrival): string[] {
  const there = new Set(arrival.commits);
  const missing = commits.filter((commit) => !there.has(commit));
  return [
    ...(missing.length === 0 ? [] : [`${missing.length} commits are gone, ${missing[0]} among them`]),
    ...(arrival.draft < draft ? [`draft ${arrival.draft} is older than ${draft}`] : []),
  ];
}

/** Whether a boot was accepted after one moment and before another. */
function bootBetween(feed: readonly FeedEntry[], from: number, to: number): boolean {
  return feed.some(({ at, change }) => change.kind === 'boot' && at > from && at < to);
}

/** Lives that were still seen after the next one had begun. */
function overlapsOf(diary: readonly DiaryLine[]): string[] {
  const lives = [...new Set(diary.map(({ life }) => life))];
  return lives.slice(1).flatMap((life, at) => {
    const former = lives[at];
    const begun = diary.find((line) => line.life === life)?.at ?? 0;
    const seen = diary.findLast((line) => line.life === former)?.at ?? 0;
    return seen > begun ? [`life ${former} was seen ${seen - begun} ms after ${life} began`] : [];
  });
}
