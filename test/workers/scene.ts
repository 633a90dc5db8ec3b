import { env, introspectWorkflowInstance, runDurableObjectAlarm } from 'cloudflare:test';
import { expect, vi } from 'vitest';
import { z } from 'zod';
import type { AgentSighting, RestoreRequest } from '../../src/contract/control.ts';
import { Problem } from '../../src/contract/errors.ts';
import type { Life } from '../../src/contract/ids.ts';
import { Prime } from '../../src/contract/prime.ts';
import type { RigReport } from '../../src/contract/recovery.ts';
import { machines } from './fake-container.ts';
import { addRig, agentStatus, bootId, callback, latestRecovery, makeTown, operator } from './town.ts';
import type { Asked } from './town.ts';

/** How long a test waits for a condition. */
export const patiently = { timeout: 15_000, interval: 50 };

/** The `n`-th life of a town's container. */
export function lifeOf(town: string, n = 1): Life {
  return { bootId: bootId(town, n), generation: n };
}

/** A recovered town with agent `ada` of rig `hono` running: its one boot is generation 1. */
export async function litTown(town: string, agents: readonly string[] = ['ada']): Promise<Asked> {
  const asked = await makeTown(town);
  await addRig(town, 'hono', agents);
  await vi.waitFor(async () => {
    expect((await latestRecovery(town))?.status).toBe('complete');
    expect(asked.starts).toHaveLength(agents.length);
  }, patiently);
  asked.sightings = agents.map((agent) => sightingOf(asked, agent));
  await beat(town, asked);
  for (const agent of agents) expect((await agentStatus(town, 'hono', agent)).status).toBe('working');
  return asked;
}

/** How the control server sees the newest start of an agent. */
export function sightingOf(
  { starts }: Asked,
  agent: string,
  state: AgentSighting['state'] = 'running',
): AgentSighting {
  const start = starts.findLast((each) => each.agent === agent);
  if (start === undefined) throw new Error(`${agent} was not started`);
  const { rig, startId, bead } = start;
  return { rig, agent, bead, startId, state, startedAt: Date.now(), wroteAt: null, atRisk: null };
}

/** A heartbeat of the town's `n`-th boot with what its control server has. */
export function beat(town: string, { sightings }: Pick<Asked, 'sightings'>, n = 1): Promise<Response> {
  return callback(town, 'heartbeat', { bootId: bootId(town, n), at: Date.now(), agents: sightings });
}

/** The machine of a town that has one. */
export function machineOf(town: string) {
  const machine = machines.get(town);
  if (machine === undefined) throw new Error(`${town} has no machine`);
  return machine;
}

/** A town as the operator sees it. */
export const viewOf = (town: string) => jsonOf(operator('GET', `/api/towns/${town}`));

/** Runs the Town's alarm, whenever it is set for. */
export async function tick(town: string): Promise<void> {
  await runDurableObjectAlarm(env.TOWN.getByName(town));
}

/** The container dies, and the platform says so. */
export async function loseContainer(town: string, exitCode = 137): Promise<void> {
  const machine = machines.get(town);
  if (machine !== undefined) machine.running = null;
  await env.TOWN.getByName(town).containerStopped(exitCode);
}

/** A problem's code; fails unless the answer is problem details as RFC 9457 and the design have them. */
export async function problemCode(answer: Response, status: number): Promise<string> {
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  const problem = Problem.parse(await answer.json());
  expect(answer.status, problem.detail).toBe(status);
  expect(problem.status).toBe(status);
  expect(problem.type).toBe(`urn:relight:${problem.code}`);
  expect(problem.title).not.toBe('');
  return problem.code;
}

/** The JSON of an answer that went well. */
export async function jsonOf(answer: Response | Promise<Response>): Promise<Record<string, unknown>> {
  const response = await answer;
  const text = await response.text();
  expect(response.ok, `${response.status} ${text}`).toBe(true);
  return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
}

/** What the operator sees of a town, all of it but the times of heartbeats: two of them are compared. */
export async function everythingOf(town: string): Promise<unknown> {
  const at = `/api/towns/${town}`;
  const { rigs } = z
    .object({ rigs: z.array(z.looseObject({ rig: z.string() })) })
    .parse(await jsonOf(operator('GET', `${at}/rigs`)));
  const rosters = await Promise.all(rigs.map(({ rig }) => rosterOf(`${at}/rigs/${rig}/agents`)));
  const [view, recoveries] = await Promise.all([
    jsonOf(operator('GET', at)),
    jsonOf(operator('GET', `${at}/recoveries`)),
  ]);
  return { view, rigs, rosters, recoveries };
}

async function rosterOf(at: string): Promise<unknown> {
  const { agents } = z
    .object({ agents: z.array(z.looseObject({ agent: z.string() })) })
    .parse(await jsonOf(operator('GET', at)));
  return Promise.all(
    agents.map(async (row) => ({
      row,
      checkpoints: await jsonOf(operator('GET', `${at}/${row.agent}/checkpoints`)),
      prime: await jsonOf(operator('GET', `${at}/${row.agent}/prime`)),
    })),
  );
}

/** The prime of agent `ada` of rig `hono`. */
export async function primeOf(town: string, agent = 'ada'): Promise<Prime> {
  return Prime.parse(await jsonOf(operator('GET', `/api/towns/${town}/rigs/hono/agents/${agent}/prime`)));
}

/** A report that the whole rig failed. */
export function failedReport(rig: string, code: 'git_auth' | 'git_unreachable'): RigReport {
  const fault = { code, reason: `${code} of ${rig}`, retryable: code === 'git_unreachable' };
  return { rig, status: 'failed', fault, phases: [], agents: [] };
}

/**
 * What was asked for the first restore of a generation. A recovery may ask again, for agents that joined while it ran, so
 * restores are not counted.
 */
export async function restoredIn(generation: number, { restores }: Asked): Promise<RestoreRequest> {
  return vi.waitFor(() => {
    const found = restores.find(({ request }) => request.life.generation === generation);
    if (found === undefined) throw new Error(`nothing was restored in generation ${generation}`);
    return found.request;
  }, patiently);
}

/** The recovery of a town's `n`-th boot. */
export const recoveryOf = (town: string, n = 1) => `boot-${bootId(town, n)}`;

/** Watches the recovery of a town's `n`-th boot, without the pauses between tries. */
export async function watched(town: string, n = 1) {
  const instance = await introspectWorkflowInstance(env.RECOVERY, recoveryOf(town, n));
  await instance.modify(async (m) => {
    await m.disableSleeps();
    await m.disableRetryDelays();
  });
  return instance;
}

/** How the rigs of the newest recovery stand. */
export async function rigsOf(town: string): Promise<Record<string, string>> {
  const recovery = await latestRecovery(town);
  return Object.fromEntries((recovery?.rigs ?? []).map(({ rig, status }) => [rig, status]));
}

/** Waits until the newest recovery has ended so. */
export async function settled(town: string, status: string): Promise<void> {
  await vi.waitFor(async () => expect((await latestRecovery(town))?.status).toBe(status), patiently);
}

/** What a stream of server-sent events brings up to the first event that is so. */
export async function readUntil(stream: Response, event: string): Promise<string> {
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (reader !== undefined && !text.includes(`event: ${event}\ndata: `)) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
  }
  await reader?.cancel();
  return text;
}

const clock = { real: Date.now.bind(Date), aheadMs: 0 };

/**
 * Moves the clock of the Worker forward. The platform's own clock stays, so alarms are then run by hand; `comeBack`
 * ends it.
 */
export function travel(ms: number): void {
  clock.aheadMs += ms;
  vi.spyOn(Date, 'now').mockImplementation(() => clock.real() + clock.aheadMs);
}

/** Undoes all travels. */
export function comeBack(): void {
  clock.aheadMs = 0;
  vi.restoreAllMocks();
}
