import type { AgentReport, Recovery } from '../../src/contract/recovery.ts';
import { Journal } from './journal.ts';
import type { JournalLine } from './journal.ts';
import { checkRepository, observe } from './observe.ts';
import type { Observed } from './observe.ts';
import { branchRefOf, repositoryOf, SNAPSHOT_INTERVAL_S, worktreeOf } from './town.ts';
import type { WriterTown } from './town.ts';
import type { Tally } from './tally.ts';
import { judge } from './verdict.ts';
import type { Loss, MadeCommit, Verdict } from './verdict.ts';

/** Uncommitted work that is older at the kill must survive: a snapshot is due each interval, and has 2 s to be stored. */
export const BOUND_MS = (SNAPSHOT_INTERVAL_S + 2) * 1000;

/** What is known of a writer from one life to the next. */
export interface Standing {
  /** Its worktree when its present life began. */
  readonly before: Observed;
  /** Its commits of all former lives that are there. */
  readonly owedCommits: readonly MadeCommit[];
}

/** Which life the kill ended, and when. */
export interface Kill {
  readonly life: number;
  readonly killedAt: number;
}

/** Compares one writer's worktree with its journal. Counts what it finds, and gives where the next life starts from. */
export async function checkWriter(
  town: WriterTown,
  agent: string,
  { before, owedCommits, kill, tally }: Standing & { kill: Kill; tally: Tally },
): Promise<{ standing: Standing; losses: readonly Loss[] }> {
  const { life, killedAt } = kill;
  const lines = new Journal(town.journalDir, agent).read().filter((line) => line.life === life);
  const restored = await observe(worktreeOf(town, agent), town.world.dir);
  const owed = [...owedCommits, ...lines.flatMap((line) => madeBy(line, killedAt))];
  const verdict = judge({
    base: before.trees,
    lines,
    owedCommits: owed,
    killedAt,
    boundMs: BOUND_MS,
    restored: restored.trees,
    reachable: restored.reachable,
  });
  count(lines, tally);
  addFaults({ agent, life, restored, verdict, tally });
  const losses = [...verdict.lostCommits, ...verdict.lostChanges];
  tally.addLosses(losses.map((loss) => ({ agent, life, ...loss })));
  const kept = owed.filter(({ commit }) => restored.reachable.has(commit));
  return { standing: { before: restored, owedCommits: kept }, losses };
}

/** Checks what is the same for all writers: the repository and the record of the recovery. */
export async function checkRecovery(town: WriterTown, recovery: Recovery, tally: Tally): Promise<void> {
  const where = `generation ${recovery.generation}`;
  const complaint = await checkRepository(repositoryOf(town));
  if (complaint !== null) tally.count('fsckErrors');
  if (complaint !== null) tally.addFault(`${where}: ${complaint}`);
  if (recovery.status !== 'complete') tally.addFault(`${where}: the recovery is ${recovery.status}`);
  const reports = recovery.rigs.flatMap(({ agents }) => agents);
  if (reports.length !== town.agents.length) tally.addFault(`${where}: ${reports.length} agents came back`);
  tally.count('conflicts', reports.filter(({ snapshot }) => snapshot === 'conflict').length);
  tally.count('givenUp', reports.filter(({ lost }) => lost.length > 0).length);
  for (const report of reports.filter(isBad)) tally.addFault(`${where}: ${JSON.stringify(report)}`);
}

function isBad({ lost, fault, snapshot }: AgentReport): boolean {
  return lost.length > 0 || fault !== null || snapshot === 'conflict';
}

function madeBy(line: JournalLine, killedAt: number): MadeCommit[] {
  if (line.what !== 'ended' || line.commit === null || line.at > killedAt) return [];
  return [{ n: line.n, commit: line.commit, endedAt: line.at }];
}

function count(lines: readonly JournalLine[], tally: Tally): void {
  const ends = lines.filter((line) => line.what === 'ended');
  tally.count('worktreesChecked');
  tally.count('actions', ends.length);
  tally.count('failedActions', ends.filter(({ failure }) => failure !== null).length);
  tally.count('commits', ends.filter(({ commit }) => commit !== null).length);
}

function addFaults({
  agent,
  life,
  restored,
  verdict,
  tally,
}: {
  agent: string;
  life: number;
  restored: Observed;
  verdict: Verdict;
  tally: Tally;
}): void {
  for (const place of verdict.foreign) tally.addFault(`${agent} after life ${life}: ${place}`);
  for (const path of restored.unseen)
    tally.addFault(`${agent} after life ${life}: git does not see that ${path} was changed`);
  if (restored.head !== branchRefOf(agent))
    tally.addFault(`${agent} after life ${life}: HEAD is ${restored.head}`);
}
