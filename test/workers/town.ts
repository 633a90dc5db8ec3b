import { SELF } from 'cloudflare:test';
import { z } from 'zod';
import type { Finishing } from '../../src/contract/agent.ts';
import type { AgentSighting, RestoreRequest } from '../../src/contract/control.ts';
import { Recovery } from '../../src/contract/recovery.ts';
import type { RigReport } from '../../src/contract/recovery.ts';
import { signBootToken } from '../../src/platform/token.ts';
import { installMachine } from './fake-container.ts';
import type { FakeBoot } from './fake-container.ts';

const ORIGIN = 'https://relight.test';

/** Calls the operator API. */
export function operator(
  method: string,
  path: string,
  body?: unknown,
  token = 'operator-token',
): Promise<Response> {
  return SELF.fetch(`${ORIGIN}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** The token of one of the town's boots, by default the first one. */
export function tokenOf(town: string, boot = bootId(town, 1), key = 'container-token-key'): Promise<string> {
  return signBootToken({ town, bootId: boot }, key, Date.now());
}

/** Whose message it says it is. */
const Sender = z.object({
  bootId: z.string().optional(),
  life: z.object({ bootId: z.string().optional() }).optional(),
});

/** Calls back as the town's container would, by default with the token of the boot that the message is of. */
export async function callback(
  town: string,
  path: string,
  body: unknown,
  withToken?: string,
): Promise<Response> {
  const sender = Sender.safeParse(body).data;
  const token = withToken ?? (await tokenOf(town, sender?.life?.bootId ?? sender?.bootId));
  return SELF.fetch(`${ORIGIN}/callback/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** The boot id of the `n`-th boot of a town. */
export function bootId(town: string, n: number): string {
  const name = [...new TextEncoder().encode(town)].map((byte) => byte.toString(16)).join('');
  return (name + String(n).padStart(4, '0')).padStart(32, '0').slice(-32);
}

/** A report in which all is well. */
export function goodReport(rig: string, request: RestoreRequest): RigReport {
  return {
    rig,
    status: 'ready',
    fault: null,
    phases: [{ name: 'fetch', agent: null, work: 'git', startedAt: Date.now(), ms: 0, ok: true, detail: '' }],
    agents: request.agents.map(({ agent, bead, branch }) => ({
      agent,
      bead,
      branch,
      head: 'a'.repeat(40),
      from: 'remote',
      snapshot: 'none',
      files: 1,
      lost: [],
      warnings: [],
      fault: null,
    })),
  };
}

/** One call to a control server. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** What the control servers of a town were asked, and how a test makes them answer. */
export interface Asked {
  readonly restores: { rig: string; request: RestoreRequest }[];
  readonly starts: {
    rig: string;
    agent: string;
    startId: string;
    bead: string;
    life: { generation: number };
    finishing: Finishing | null;
  }[];
  readonly stops: string[];
  boots: number;
  /** Answers in the place of the control server; null leaves the call to it. */
  intercept: (call: Call) => Response | Promise<Response> | null;
  /** The agents that the control server says it has. */
  sightings: AgentSighting[];
}

/** Makes a town whose control server restores by `report` (null: it never reports) and starts every agent. */
export async function makeTown(
  town: string,
  report: (rig: string, request: RestoreRequest) => RigReport | null = goodReport,
): Promise<Asked> {
  const asked: Asked = {
    restores: [],
    starts: [],
    stops: [],
    boots: 0,
    intercept: () => null,
    sightings: [],
  };
  const boot = (): FakeBoot => {
    asked.boots += 1;
    return {
      bootId: bootId(town, asked.boots),
      generation: null,
      handle: (call) => asked.intercept(call) ?? handle(town, asked, report, call),
    };
  };
  installMachine(town, boot);
  const made = await operator('PUT', `/api/towns/${town}`, { agentCommand: 'true' });
  if (!made.ok) throw new Error(await made.text());
  return asked;
}

function handle(
  town: string,
  asked: Asked,
  report: (rig: string, request: RestoreRequest) => RigReport | null,
  { method, path, body }: Call,
): Response {
  const [, , rig = '', , agent = ''] = path.split('/');
  if (path.endsWith('/restore')) {
    const request = body as RestoreRequest;
    asked.restores.push({ rig, request });
    const found = report(rig, request);
    const { life, recoveryId, event } = request;
    if (found !== null) void callback(town, 'rig-report', { life, recoveryId, event, report: found });
    return Response.json({ state: 'restoring' }, { status: 202 });
  }
  if (method === 'PUT') {
    const start = body as Asked['starts'][number];
    asked.starts.push({ ...start, rig, agent });
    return Response.json({ startId: start.startId }, { status: 202 });
  }
  if (method === 'DELETE') {
    asked.stops.push(`${rig}/${agent}`);
    return new Response(null, { status: 204 });
  }
  if (path === '/agents') return Response.json(asked.sightings);
  return new Response('the last lines', { headers: { 'content-type': 'text/plain' } });
}

/** Registers a rig with agents, and slings a bead to each. */
export async function addRig(town: string, rig: string, agents: readonly string[]): Promise<void> {
  const at = `/api/towns/${town}/rigs/${rig}`;
  await expectOk(operator('PUT', at, { gitUrl: `https://git.test/${rig}.git` }));
  for (const agent of agents) {
    await expectOk(operator('PUT', `${at}/agents/${agent}`, {}));
    await expectOk(
      operator('PUT', `${at}/agents/${agent}/hook`, { bead: { id: `bead-${agent}`, title: 'do it' } }),
    );
  }
}

/** The town's newest recovery; null while there is none. */
export async function latestRecovery(town: string): Promise<Recovery | null> {
  const answer = await operator('GET', `/api/towns/${town}/recoveries/latest`);
  return answer.ok ? Recovery.parse(await answer.json()) : null;
}

/** One agent as the operator sees it. */
export async function agentStatus(town: string, rig: string, agent: string) {
  const answer = await operator('GET', `/api/towns/${town}/rigs/${rig}/agents/${agent}`);
  return z
    .looseObject({ status: z.string(), attempts: z.number(), bead: z.unknown() })
    .parse(await answer.json());
}

async function expectOk(answer: Promise<Response>): Promise<void> {
  const response = await answer;
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}
