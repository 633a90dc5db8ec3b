import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { git } from '../git-server/git-command.ts';
import type { TownClient } from '../client.ts';
import type { DemoAgent } from './run.ts';

/**
 * What is missing on the remote at the end: steps without a commit or with two, and commits that a checkpoint named but
 * the branch does not have. Empty when nothing was lost.
 */
export async function findLost(
  client: TownClient,
  agents: readonly DemoAgent[],
  steps: number,
): Promise<string[]> {
  const lost = await Promise.all(agents.map((agent) => findLostOf(client, agent, steps)));
  return lost.flat();
}

async function findLostOf(client: TownClient, agent: DemoAgent, steps: number): Promise<string[]> {
  const who = `${agent.rig}/${agent.agent}`;
  const commits = await commitsOf(agent);
  const lost: string[] = [];
  for (let step = 1; step <= steps; step += 1) {
    const found = commits.filter(({ subject }) => subject === `${agent.bead}: step ${step}`).length;
    if (found !== 1) lost.push(`${who}: step ${step} was committed ${found} times`);
  }
  const onBranch = new Set(commits.map(({ commit }) => commit));
  for (const { head } of await client.checkpoints(agent.rig, agent.agent)) {
    if (head !== null && !onBranch.has(head))
      lost.push(`${who}: commit ${head} of a checkpoint is not on the remote`);
  }
  return lost;
}

async function commitsOf({ gitUrl, branch }: DemoAgent): Promise<{ commit: string; subject: string }[]> {
  const dir = await mkdtemp(join(tmpdir(), 'relight-verify-'));
  try {
    await git(['init', '--quiet', '--bare', dir]);
    await git(['--git-dir', dir, 'fetch', '--quiet', gitUrl, `refs/heads/${branch}`]);
    const log = await git(['--git-dir', dir, 'log', '--format=%H %s', 'FETCH_HEAD']);
    return log.split('\n').map((line) => ({
      commit: line.slice(0, line.indexOf(' ')),
      subject: line.slice(line.indexOf(' ') + 1),
    }));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
