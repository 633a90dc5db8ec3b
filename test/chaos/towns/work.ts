import type { FeedEntry } from '../../../src/contract/changes.ts';
import type { DiaryLine } from './diary.ts';
import type { AgentEvidence, TrialEvidence, Violation } from './violations.ts';

type Arrival = Extract<DiaryLine, { what: 'arrived' }>;

/** What must be in a worktree at the beginning of a life. */
interface Owed {
  readonly commits: readonly string[];
  readonly draft: number;
}

/** Judges each life of an agent by what it found, and the remote by what all lives did. */
export function judgeWork(agent: AgentEvidence, evidence: TrialEvidence): Violation[] {
  const { diary, key } = agent;
  const isTampered = evidence.deeds.tampered.has(key);
  const arrivals = diary.filter(isArrival);
  const found: Violation[] = [];
  const add = (invariant: string, seen: string): void =>
    void found.push({ invariant, seen: `${key}: ${seen}` });

  const disks = disksOf(diary, evidence.feed);
  for (const [at, disk] of disks.entries()) {
    const former = disks[at - 1];
    for (const arrival of disk.filter(isArrival)) {
      const isFirst = arrival === disk[0];
      if (isFirst && former === undefined) continue;
      const owed = isFirst ? owedBySnapshots(agent, former ?? [], evidence) : owedByDisk(disk, arrival);
      const invariant = isFirst
        ? 'a recorded snapshot and a push come back'
        : 'uncommitted work is never destroyed';
      const lost = lostOf(owed, arrival);
      // Work may be lost or set aside where somebody else changed the branch, but never in silence.
      const isExcused = isTampered && arrival.excused.length > 0;
      if (lost.length > 0 && !isExcused) add(invariant, `${lost.join(', ')} in life ${arrival.life}`);
    }
  }
  for (const [earlier, later] of pairs(arrivals)) {
    const saved = diary
      .slice(0, diary.indexOf(later))
      .flatMap((line) => (line.what === 'checkpointed' ? [line.n] : []));
    const owed = Math.max(earlier.checkpoint, ...saved);
    if (later.checkpoint < owed) add('a checkpoint is kept', `found ${later.checkpoint}, saved ${owed}`);
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

/** The diary in parts: what was written while the container had the same disk. */
function disksOf(diary: readonly DiaryLine[], feed: readonly FeedEntry[]): DiaryLine[][] {
  const disks: DiaryLine[][] = [];
  for (const [at, line] of diary.entries()) {
    const before = diary[at - 1];
    const isNew = isArrival(line) && (before === undefined || bootBetween(feed, before.at, line.at));
    if (isNew) disks.push([line]);
    else disks.at(-1)?.push(line);
  }
  return disks;
}

/** All that was found on this disk and done to it before. */
function owedByDisk(disk: readonly DiaryLine[], arrival: Arrival): Owed {
  return owedOf(disk.slice(0, disk.indexOf(arrival)), Number.POSITIVE_INFINITY);
}

/** What came back to the former disk, what was pushed from it, and what was there when it was last snapshotted. */
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
  return owedOf(former, deeds.wrongClock ? 0 : Math.max(0, ...taken));
}

function owedOf(disk: readonly DiaryLine[], takenAt: number): Owed {
  const first = disk.find(isArrival);
  const kept = disk.filter(({ at }) => at < takenAt);
  const pushed = disk.flatMap((line) => (line.what === 'pushed' ? [line.commit] : []));
  const committed = kept.flatMap((line) => (line.what === 'committed' ? [line.commit] : []));
  const drafts = kept.flatMap((line) => (line.what === 'drafted' ? [line.n] : []));
  return {
    commits: [...new Set([...(first?.commits ?? []), ...pushed, ...committed])],
    draft: Math.max(first?.draft ?? 0, ...drafts),
  };
}

function isArrival(line: DiaryLine): line is Arrival {
  return line.what === 'arrived';
}

function pairs<Item>(items: readonly Item[]): (readonly [Item, Item])[] {
  return items.slice(1).flatMap((later, at) => {
    const earlier = items[at];
    return earlier === undefined ? [] : [[earlier, later] as const];
  });
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
