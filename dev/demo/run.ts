import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import getPort from 'get-port';
import type { Recovery } from '../../src/contract/recovery.ts';
import { TownClient, until } from '../client.ts';
import { hostForContainers } from '../engine/docker.ts';
import { createRepository } from '../git-server/repository.ts';
import { startGitServer } from '../git-server/git-server.ts';
import { chosenEngine, passedSecrets, startRelight } from '../relight.ts';
import type { Relight } from '../relight.ts';
import { Timeline } from './timeline.ts';
import { findLost } from './verify.ts';

const AGENT_SCRIPT = fileURLToPath(new URL('agent.ts', import.meta.url));
const IN_DOCKER = chosenEngine() === 'docker';
const PACKAGES = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const SOURCES = ['hono', 'zod', 'execa'];
const TOWN = 'demo';
const PATIENCE_MS = 120_000;

export interface DemoOptions {
  /** The user's own repository in the place of the three that are made. */
  readonly gitUrl: string | null;
  /** How often the container is killed. */
  readonly kills: number;
  readonly steps: number;
  readonly print: (line: string) => void;
  /** Waits until somebody who watches in a browser is ready for what comes. */
  readonly pause?: (words: string) => Promise<void>;
}

/** One agent of the demo and its work. */
export interface DemoAgent {
  readonly rig: string;
  readonly agent: string;
  readonly bead: string;
  readonly branch: string;
  readonly gitUrl: string;
}

/** How the demo went. `lost` names every pushed commit and every step that is missing at the end. */
export interface DemoResult {
  readonly ok: boolean;
  readonly towns: number;
  readonly rigs: number;
  readonly agents: number;
  readonly generation: number;
  readonly recovery: Recovery;
  readonly lost: readonly string[];
}

/** Runs a whole town, kills its container in mid-work, and checks that everything came back. */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const dir = await mkdtemp(join(tmpdir(), 'relight-demo-'));
  const host = IN_DOCKER ? await hostForContainers() : '127.0.0.1';
  const gitServer = await startGitServer({ rootDir: join(dir, 'git'), host });
  let relight: Relight | null = null;
  const watching = new AbortController();
  try {
    const engine = IN_DOCKER ? 'the real image in Docker' : 'process engine';
    options.print(`Starting Worker, Workflow and ${engine} …`);
    const secrets = passedSecrets(process.env);
    relight = await startRelight({ port: await getPort(), stateDir: join(dir, 'state'), secrets });
    const client = new TownClient(relight.url, relight.token, TOWN);
    const urls = options.gitUrl === null ? await makeRepositories(gitServer) : { rig: options.gitUrl };
    const timeline = new Timeline(options.print);
    const agents = await makeTown(client, urls, options.steps);
    const watch = follow(client, timeline, watching.signal);
    const page = `${relight.url}/towns/${TOWN}`;
    await options.pause?.(`Watch it at ${page}\nThe operator token is ${relight.token}`);
    timeline.mark(`Slinging ${agents.length} beads to a town that sleeps`);
    for (const { rig, agent, bead } of agents) {
      await client.call('PUT', `/rigs/${rig}/agents/${agent}/hook`, {
        bead: { id: bead, title: 'Write the steps' },
      });
    }
    for (let kill = 1; kill <= options.kills; kill += 1) {
      const isPast = await untilMidWork(client, agents, kill, options);
      if (isPast) break;
      timeline.mark(`SIGKILL number ${kill}: the container and its disk are gone`);
      await killContainer(relight);
    }
    await until('every agent is done', PATIENCE_MS, async () =>
      (await allIdle(client, agents)) ? true : null,
    );
    const { generation } = await client.town();
    const recovery = (await client.recoveries()).find((found) => found.generation === generation);
    if (recovery === undefined) throw new Error('the last boot has no recovery');
    const lost = await findLost(client, agents, options.steps);
    watching.abort();
    await watch;
    await options.pause?.(`It is still there at ${page}`);
    // Who watches may have killed it as well.
    const isExpected =
      options.pause === undefined ? generation === options.kills + 1 : generation > options.kills;
    const ok = lost.length === 0 && isExpected && recovery.status === 'complete';
    const rigs = Object.keys(urls).length;
    return { ok, towns: 1, rigs, agents: agents.length, generation, recovery, lost };
  } finally {
    watching.abort();
    await relight?.close();
    await gitServer.close();
    await rm(dir, { recursive: true, force: true });
  }
}

async function makeRepositories(server: { rootDir: string; url: string }): Promise<Record<string, string>> {
  const urls: Record<string, string> = {};
  for (const name of SOURCES)
    urls[name] = await createRepository(server, name, { from: join(PACKAGES, name) });
  return urls;
}

async function makeTown(
  client: TownClient,
  urls: Record<string, string>,
  steps: number,
): Promise<DemoAgent[]> {
  const agentCommand = await agentCommandFor(steps);
  await client.call('PUT', '', { agentCommand, drainSeconds: 5 });
  const agents: DemoAgent[] = [];
  for (const [rig, gitUrl] of Object.entries(urls)) {
    const credential = process.env.GIT_CREDENTIAL_DEMO === undefined ? null : 'DEMO';
    await client.call('PUT', `/rigs/${rig}`, { gitUrl, credential });
    for (const agent of ['ada', 'bob']) {
      await client.call('PUT', `/rigs/${rig}/agents/${agent}`, {});
      const bead = `demo-${agent}-${Date.now().toString(36)}`;
      agents.push({ rig, agent, bead, branch: `gt/${agent}/${bead}`, gitUrl });
    }
  }
  return agents;
}

/** An image has nothing of this machine's disk: there the command is the script itself. */
async function agentCommandFor(steps: number): Promise<string> {
  if (!IN_DOCKER) return `STEPS=${steps} "${process.execPath}" "${AGENT_SCRIPT}"`;
  const script = (await readFile(AGENT_SCRIPT, 'utf8')).replaceAll("'", `'\\''`);
  return `STEPS=${steps} node --input-type=module-typescript --eval '${script}'`;
}

async function follow(client: TownClient, timeline: Timeline, signal: AbortSignal): Promise<void> {
  for await (const entry of client.events(signal)) timeline.show(entry);
}

/** Waits until every agent works and has got as far as it should by this kill; true if all are done before. */
async function untilMidWork(
  client: TownClient,
  agents: readonly DemoAgent[],
  kill: number,
  { kills, steps }: DemoOptions,
): Promise<boolean> {
  const wanted = Math.max(1, Math.floor((kill * (steps - 1)) / (kills + 1)));
  return until(`kill ${kill} has something to interrupt`, PATIENCE_MS, async () => {
    if (await allIdle(client, agents)) return true;
    const generation = (await client.town()).generation;
    const reached = await Promise.all(
      agents.map(async ({ rig, agent }) => {
        const newest = (await client.checkpoints(rig, agent))[0];
        return (newest?.seq ?? 0) >= wanted && (newest?.generation ?? 0) === generation;
      }),
    );
    return generation === kill && reached.some(Boolean) ? false : null;
  });
}

async function allIdle(client: TownClient, agents: readonly DemoAgent[]): Promise<boolean> {
  const views = await Promise.all(agents.map(({ rig, agent }) => client.agent(rig, agent)));
  const failed = views.find(({ status }) => status === 'failed');
  if (failed !== undefined) throw new Error(`${failed.agent} has failed: ${failed.fault?.reason ?? ''}`);
  return views.every(({ status }) => status === 'idle');
}

async function killContainer({ engine }: Relight): Promise<void> {
  const container = await until('a container runs', 10_000, async () =>
    Promise.resolve(engine.containers().find(({ running }) => running) ?? null),
  );
  engine.kill(container.id, 'SIGKILL');
}
