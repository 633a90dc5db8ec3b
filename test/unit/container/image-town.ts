import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { worktreeDir } from '../../../container/git/layout.ts';
import { CONTROL } from '../../../src/contract/control.ts';
import type { Snapshot } from '../../../src/contract/snapshot.ts';
import { type ControlProcess, restoreRequest, startControl, startRequest } from './control-process.ts';
import { eventually, type FakeWorker, startFakeWorker } from './fake-worker.ts';
import { imageLike } from './image-like.ts';
import { startRemote } from './worktrees.ts';

const GIT_PASSWORD = 'git-s3cret-of-the-test';

/** A town whose control server runs as in the image. */
export interface ImageTown {
  readonly worker: FakeWorker;
  readonly control: ControlProcess;
  readonly gitUrl: string;
  /** Starts a control server on the same machine: with the same lists of users. */
  readonly another: (workspace?: string) => Promise<ControlProcess>;
}

/** An agent's worktree, and what the agent leaves in it: whole lines. */
export interface AgentPlace {
  readonly dir: string;
  readonly startId: string;
  said(file: string): Promise<string>;
}

/** A town with these agents in these rigs. */
export async function imageTown(rigs: Readonly<Record<string, string[]>>): Promise<ImageTown> {
  const worker = await startFakeWorker(undefined, { keepsBundles: true });
  const { gitUrl } = await startRemote(
    (_, user, password) => user === 'x-token' && password === GIT_PASSWORD,
  );
  const program = imageLike();
  const another = async (workspace?: string): Promise<ControlProcess> =>
    await startControl(worker.url, {
      program,
      env: { AGENT_USERS: 'own' },
      ...(workspace === undefined ? {} : { workspace }),
    });
  const control = await another();
  const town = { worker, control, gitUrl, another };
  for (const [rig, agents] of Object.entries(rigs)) await restore(town, rig, agents);
  return town;
}

/** Has a rig restored, with a setup that writes in the rig's cache. */
export async function restore(
  { worker, control, gitUrl }: Pick<ImageTown, 'worker' | 'control' | 'gitUrl'>,
  rig: string,
  agents: string[],
  snapshot: Snapshot | null = null,
): Promise<void> {
  const request = restoreRequest(control.life, gitUrl, agents, {
    credential: true,
    setupCommand: 'mkdir -p "$npm_config_cache" && echo "$GT_AGENT" >> "$npm_config_cache/users"',
  });
  const plans = request.agents.map((plan) => ({ ...plan, snapshot }));
  await control.call(CONTROL.restore, { rig }, { ...request, agents: plans });
  const isOurs = ({ report, life }: { report: { rig: string }; life: { bootId: string } }): boolean =>
    report.rig === rig && life.bootId === control.bootId;
  const { report } = await worker.call('rigReport', isOurs);
  expect(report).toMatchObject({ status: 'ready', fault: null });
}

/** Starts an agent. */
export async function start(
  control: ControlProcess,
  [rig, agent]: [rig: string, agent: string],
  command: string,
): Promise<AgentPlace> {
  const order = startRequest(control.life, { branch: `gt/${agent}/bead-1`, command });
  const answer = await control.call(CONTROL.start, { rig, agent }, order);
  expect(answer.status).toBe(200);
  const dir = worktreeDir(control.workspace, rig, agent);
  const said = async (file: string): Promise<string> =>
    await eventually(async () => {
      const text = await readFile(join(dir, file), 'utf8');
      expect(text).toMatch(/\n$/);
      return text.trim();
    });
  const { startId } = CONTROL.start.answer.parse(answer.json());
  return { dir, startId, said };
}
