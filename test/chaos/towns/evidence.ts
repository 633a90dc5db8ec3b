import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { git } from '../../../dev/git-server/git-command.ts';
import type { Recovery } from '../../../src/contract/recovery.ts';
import type { Scene } from '../faults/fault.ts';
import { GIT_PASSWORD } from './arena.ts';
import { readDiary } from './diary.ts';
import type { History } from './history.ts';
import type { Member, Town } from './open-town.ts';
import { patiently } from './patience.ts';
import type { AgentEvidence, TrialEvidence } from './violations.ts';

const SETTLE_MS = 20_000;
/** A wait for a report takes 60 s (`REPORT_WAIT`), and the recovery has to find out afterwards that it is over. */
const LINGER_MS = 100_000;
const LOOK_MS = 200;
const ENDED: ReadonlySet<string> = new Set(['complete', 'errored', 'terminated']);

/** Gathers everything that a run is judged by, while the town is still there. */
export async function collectEvidence(
  scene: Scene,
  {
    history,
    printedBefore,
    ...found
  }: { history: History; printedBefore: number } & Pick<TrialEvidence, 'overdue' | 'blows' | 'sleep'>,
): Promise<Omit<TrialEvidence, 'leftProcesses'> & { lingering: string[] }> {
  const { arena, town, deeds } = scene;
  const { url } = arena.world.relight;
  const { recoveries, workflows, lingering } = await untilSettled(town, url);
  const agents = await Promise.all(town.members.map((member) => agentEvidence(town, member)));
  const repositories = [...new Set(town.members.map(({ gitDir }) => gitDir))];
  const branches = await Promise.all(repositories.map(branchesOf));
  const printed = arena.world.output.slice(printedBefore).join('\n');
  const secrets = { 'the git password': GIT_PASSWORD, 'the operator token': arena.world.relight.token };
  return {
    feed: history.entries,
    recoveries,
    agents,
    branches: branches.flat(),
    workflows,
    lingering,
    deeds,
    ...found,
    leaks: Object.entries(secrets).flatMap(([name, secret]) => (printed.includes(secret) ? [name] : [])),
  };
}

/**
 * The recoveries and their Workflow instances, once none runs any more or the time for that is over. `lingering` are the
 * instances of superseded recoveries that still wait for a report: they end by themselves when that wait is over.
 */
async function untilSettled(
  { client }: Town,
  url: string,
): Promise<{ recoveries: Recovery[]; workflows: Instance[]; lingering: string[] }> {
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    const recoveries = await patiently(() => client.recoveries());
    const superseded = new Set(
      recoveries.flatMap(({ recoveryId, status }) => (status === 'superseded' ? [recoveryId] : [])),
    );
    const all = await Promise.all(recoveries.map(({ recoveryId }) => instanceOf(url, recoveryId)));
    const lingering = all
      .filter(({ id, status }) => superseded.has(id) && !ENDED.has(status))
      .map(({ id }) => id);
    const workflows = all.filter(({ id }) => !lingering.includes(id));
    if (workflows.every(({ status }) => ENDED.has(status)) || Date.now() > deadline)
      return { recoveries, workflows, lingering };
    await delay(LOOK_MS);
  }
}

/** Waits until the instances have ended, and gives those that have not in time. */
export async function untilEnded(url: string, ids: readonly string[]): Promise<string[]> {
  const deadline = Date.now() + LINGER_MS;
  for (;;) {
    const all = await Promise.all(ids.map((id) => instanceOf(url, id)));
    const running = all.filter(({ status }) => !ENDED.has(status)).map(({ id }) => id);
    if (running.length === 0 || Date.now() > deadline) return running;
    await delay(LOOK_MS);
  }
}

/** A Workflow instance as the dev session's explorer shows it. */
interface Instance {
  readonly id: string;
  readonly status: string;
}

const Shown = z.looseObject({ result: z.looseObject({ status: z.string() }) });

function instanceOf(url: string, id: string): Promise<Instance> {
  return patiently(async () => {
    const answer = await fetch(`${url}/cdn-cgi/local/explorer/api/workflows/recovery/instances/${id}`);
    return { id, status: Shown.parse(await answer.json()).result.status };
  });
}
async function agentEvidence({ client, diaries }: Town, member: Member): Promise<AgentEvidence> {
  const { rig, agent, key, bead, branch, gitDir } = member;
  const path = `/rigs/${rig}/agents/${agent}`;
  const view = await patiently(() => client.agent(rig, agent));
  const kept = z.object({ snapshots: z.array(z.unknown()) });
  const { snapshots } = await patiently(async () =>
    kept.parse(await client.call('GET', `${path}/snapshots`)),
  );
  const remote = await commitsOf(gitDir, branch);
  return {
    rig,
    agent,
    key,
    bead,
    branch,
    view,
    diary: readDiary(diaries, key),
    remote,
    snapshots: snapshots.length,
  };
}

async function commitsOf(gitDir: string, branch: string): Promise<ReadonlySet<string> | null> {
  const ref = `refs/heads/${branch}`;
  if ((await git(['--git-dir', gitDir, 'for-each-ref', ref])) === '') return null;
  return new Set((await git(['--git-dir', gitDir, 'rev-list', ref])).split('\n'));
}

/** The branches that agents have made; where snapshots may go is no branch of an agent's. */
async function branchesOf(gitDir: string): Promise<string[]> {
  const refs = await git(['--git-dir', gitDir, 'for-each-ref', '--format=%(refname:lstrip=2)', 'refs/heads']);
  return refs
    .split('\n')
    .filter((name) => name !== '' && name !== 'main' && !name.startsWith('gastown-wip/'));
}
