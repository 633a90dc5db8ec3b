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

/** Gathers everything that a run is judged by, while the town is still there. */
export async function collectEvidence(
  scene: Scene,
  {
    history,
    printedBefore,
    overdue,
  }: { history: History; printedBefore: number; overdue: readonly string[] },
): Promise<Omit<TrialEvidence, 'leftProcesses'>> {
  const { arena, town, deeds } = scene;
  const { url } = arena.world.relight;
  const { recoveries, workflows } = await untilSettled(town, url);
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
    deeds,
    overdue,
    leaks: Object.entries(secrets).flatMap(([name, secret]) => (printed.includes(secret) ? [name] : [])),
  };
}

/** The recoveries and their Workflow instances, once none runs any more or the time for that is over. */
async function untilSettled(
  { client }: Town,
  url: string,
): Promise<{ recoveries: Recovery[]; workflows: { id: string; status: string }[] }> {
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    const recoveries = await patiently(() => client.recoveries());
    const ids = recoveries.map(({ recoveryId }) => recoveryId);
    const workflows = await Promise.all(ids.map((id) => patiently(() => instance(url, id))));
    const isOver = (status: string): boolean => ['complete', 'errored', 'terminated'].includes(status);
    if (workflows.every(({ status }) => isOver(status)) || Date.now() > deadline)
      return { recoveries, workflows };
  }
}

const Instance = z.looseObject({ result: z.looseObject({ status: z.string() }) });

async function instance(url: string, id: string): Promise<{ id: string; status: string }> {
  const answer = await fetch(`${url}/cdn-cgi/local/explorer/api/workflows/recovery/instances/${id}`);
  return { id, status: Instance.parse(await answer.json()).result.status };
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
