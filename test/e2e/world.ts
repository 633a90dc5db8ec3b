import { execa } from 'execa';
import getPort from 'get-port';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TownClient, until } from '../../dev/client.ts';
import { hostForContainers } from '../../dev/engine/docker.ts';
import { startGitServer } from '../../dev/git-server/git-server.ts';
import type { GitServer } from '../../dev/git-server/git-server.ts';
import { chosenEngine, startRelight } from '../../dev/relight.ts';
import type { Relight, RelightOptions } from '../../dev/relight.ts';
import type { Recovery } from '../../src/contract/recovery.ts';

export const PATIENCE_MS = 45_000;

/** The real thing for one test file: Worker, Workflow, engine and a git server. */
export interface World {
  readonly relight: Relight;
  readonly git: GitServer;
  /** A directory for whatever the test wants to lay down. */
  readonly dir: string;
  /** Everything that Worker and container printed. */
  readonly output: string[];
  town(name: string): TownClient;
  close(): Promise<void>;
}

/** What a world may need beyond the usual. */
export interface WorldOptions {
  /** Who may use the git server; without it everybody. */
  readonly auth?: (repo: string, user: string, password: string) => boolean;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly vars?: Readonly<Record<string, string>>;
  readonly port?: number;
  readonly seams?: RelightOptions['seams'];
}

export async function openWorld({
  auth,
  secrets = {},
  vars = {},
  port,
  seams = {},
}: WorldOptions = {}): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'relight-e2e-'));
  const host = chosenEngine() === 'docker' ? await hostForContainers() : '127.0.0.1';
  const git = await startGitServer({
    rootDir: join(dir, 'git'),
    host,
    ...(auth === undefined ? {} : { auth }),
  });
  const output: string[] = [];
  const cleanUp = async (): Promise<void> => {
    await git.close();
    await rm(dir, { recursive: true, force: true });
  };
  const relight = await startRelight({
    port: port ?? (await getPort()),
    stateDir: join(dir, 'state'),
    secrets,
    vars,
    seams,
    onWorkerLine: (line) => output.push(line),
    onContainerLine: ({ line }) => output.push(line),
  }).catch(async (error: unknown) => {
    await cleanUp();
    throw error;
  });
  return {
    relight,
    git,
    dir,
    output,
    town: (name) => new TownClient(relight.url, relight.token, name),
    close: async () => {
      await relight.close();
      await cleanUp();
    },
  };
}

/** The disk of the only container that runs. */
export function diskOf({ relight }: World): string {
  const running = relight.engine.containers().filter(({ dir }) => dir !== null);
  const [only] = running;
  if (running.length !== 1 || only?.dir == null) throw new Error(`${running.length} containers run`);
  return only.dir;
}

/** Kills the only container that runs, as the platform would. */
export function killContainer(world: World): void {
  const running = world.relight.engine.containers().filter((container) => container.running);
  if (running.length !== 1 || running[0] === undefined) throw new Error(`${running.length} containers run`);
  world.relight.engine.kill(running[0].id, 'SIGKILL');
}

/** Makes an agent on a rig and slings a bead to it. */
export async function sling(
  town: TownClient,
  rig: string,
  agent: string,
  bead: string,
  command?: string,
): Promise<void> {
  await town.call(
    'PUT',
    `/rigs/${rig}/agents/${agent}`,
    command === undefined ? {} : { agentCommand: command },
  );
  await town.call('PUT', `/rigs/${rig}/agents/${agent}/hook`, { bead: { id: bead, title: bead } });
}

/** Waits until the agent has that status. */
export function untilAgent(town: TownClient, rig: string, agent: string, status: string): Promise<true> {
  return until(`${rig}/${agent} is ${status}`, PATIENCE_MS, async () =>
    (await town.agent(rig, agent)).status === status ? true : null,
  );
}

/** Waits until the newest recovery of that generation is over, and gives it. */
export function untilRecovered(town: TownClient, generation: number): Promise<Recovery> {
  return until(`generation ${generation} has recovered`, PATIENCE_MS, async () => {
    const found = (await town.recoveries()).find((recovery) => recovery.generation === generation);
    return found !== undefined && found.status !== 'running' ? found : null;
  });
}

/** Runs `npx …` in the project, the way a person does who has only npm and an older Node. */
export async function npx(...args: string[]): Promise<string> {
  const { stdout } = await execa('npx', args, {
    extendEnv: false,
    env: {
      HOME: process.env.HOME,
      PATH: (process.env.PATH ?? '')
        .split(':')
        .filter((part) => !part.includes('node_modules'))
        .join(':'),
      NO_COLOR: '1',
      WRANGLER_SEND_METRICS: 'false',
    },
  });
  return stdout;
}
