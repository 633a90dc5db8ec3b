import { z } from 'zod';
import { AgentView, Checkpoint } from '../../src/contract/agent.ts';
import { Recovery } from '../../src/contract/recovery.ts';
import { RigView } from '../../src/contract/rig.ts';
import { TownView } from '../../src/contract/town.ts';
import type { Answer, Api } from '../api.ts';
import { RefusedError } from '../failure.ts';
import { apiPath } from '../places.ts';
import type { TownFacts } from '../screens/town.ts';

export const Rigs = z.object({ rigs: z.array(RigView) });
export const Agents = z.object({ agents: z.array(AgentView) });
export const Checkpoints = z.object({ checkpoints: z.array(Checkpoint) });

/** The newest checkpoints that are known already, by `rig/agent`: they are long, and change seldom. */
export type KnownCheckpoints = Map<string, Answer<z.infer<typeof Checkpoints>>>;

/** What a town's screen shows, and the answers that it was made of as one JSON object. */
export async function readTown(
  api: Api,
  town: string,
  known: KnownCheckpoints = new Map(),
): Promise<{ facts: TownFacts; json: () => string }> {
  const at = apiPath`/api/towns/${town}`;
  const [view, recovery, rigs] = await Promise.all([
    api.get(TownView, at),
    findRecovery(api, town, 'latest'),
    api.get(Rigs, `${at}/rigs`),
  ]);
  const rosters = await Promise.all(
    rigs.value.rigs.map(async ({ rig }) => ({
      rig,
      answer: await api.get(Agents, `${at}${apiPath`/rigs/${rig}`}/agents`),
    })),
  );
  const agents = await Promise.all(
    rosters.flatMap(({ rig, answer }) =>
      answer.value.agents.map(async (agent) => {
        const key = `${rig}/${agent.agent}`;
        const path = `${at}${apiPath`/rigs/${rig}/agents/${agent.agent}`}/checkpoints`;
        if (agent.bead !== null && !known.has(key)) known.set(key, await api.get(Checkpoints, path));
        const newest = known.get(key)?.value.checkpoints.find(({ bead }) => bead === agent.bead?.id);
        return { rig, view: agent, checkpoint: newest ?? null };
      }),
    ),
  );
  const facts = { town: view.value, recovery: recovery?.value ?? null, rigs: rigs.value.rigs, agents };
  const json = () =>
    jsonObject({
      town: view.text,
      recovery: recovery?.text ?? 'null',
      rigs: rigs.text,
      agents: jsonObject(Object.fromEntries(rosters.map(({ rig, answer }) => [rig, answer.text]))),
      checkpoints: jsonObject(Object.fromEntries([...known].map(([key, { text }]) => [key, text]))),
    });
  return { facts, json };
}

/** A recovery; null while there is no such one, for a replay is opened a moment after it was asked for. */
export async function findRecovery(
  api: Api,
  town: string,
  recoveryId: string,
): Promise<Answer<Recovery> | null> {
  try {
    return await api.get(Recovery, apiPath`/api/towns/${town}/recoveries/${recoveryId}`);
  } catch (error) {
    if (error instanceof RefusedError && error.problem.code === 'unknown_recovery') return null;
    throw error;
  }
}

/** An object of values that are JSON already, so that answers stay as they came. */
export function jsonObject(parts: Readonly<Record<string, string>>): string {
  return `{${Object.entries(parts)
    .map(([name, text]) => `${JSON.stringify(name)}:${text}`)
    .join(',')}}`;
}
