import getPort from 'get-port';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { until } from '../../dev/client.ts';
import type { Command } from '../../dev/engine/life.ts';
import { findMarked, sendSignal } from '../../dev/engine/processes.ts';
import { git } from '../../dev/git-server/git-command.ts';
import { repositoryPath } from '../../dev/git-server/repository.ts';
import { Problem } from '../../src/contract/errors.ts';
import { Proxy } from '../chaos/proxy.ts';
import type { Answer, Passing } from '../chaos/proxy.ts';
import { makeTown, untilSnapshot, worktreeOf } from './unpushed-work.ts';
import { killContainer, openWorld, PATIENCE_MS, untilAgent, untilRecovered } from './world.ts';
import type { World } from './world.ts';
import { jsonOrNull } from '../json-or-null.ts';

const CONTROL_SERVER = fileURLToPath(new URL('../../container/main.ts', import.meta.url));

/** The control server in a session of its own and without the engine's mark: the end of its container passes it by. */
const OUTLIVING = `
  mkdir -p "$1/workspace"
  WORKSPACE="$1/workspace" RELIGHT_CONTAINER="$1" setsid sh -c '"$2" "$3" & echo $! >"$1/pid"; wait $!; echo $? >"$1/exit"' sh "$@" &
  exec sleep 600`;

let world: World;
let toWorker: Proxy;
/** What the Worker answered to the first boot. */
const answers: { path: string; status: number; code: string | null }[] = [];
let firstBoot: string | null = null;
let zombie: string;

beforeAll(async () => {
  const port = await getPort();
  toWorker = await Proxy.open(port, () => noteAnswer);
  let lives = 0;
  const command = (): Command => {
    lives += 1;
    const outliving = ['-c', OUTLIVING, 'sh', zombie, process.execPath, CONTROL_SERVER];
    return lives === 1 ? { file: 'sh', args: outliving } : { file: process.execPath, args: [CONTROL_SERVER] };
  };
  world = await openWorld({
    port,
    vars: { RELIGHT_URL: `http://127.0.0.1:${toWorker.port}` },
    seams: { command },
  });
  zombie = join(world.dir, 'zombie');
});
afterAll(async () => {
  for (const pid of findMarked(zombie)) sendSignal(pid, 'SIGKILL');
  await world.close();
  await toWorker.close();
});

it('invariant 2: an old container that is still alive is told 409 stale_generation, ends its agents, stores nothing in the place of its successor, and exits', async () => {
  const diary = join(world.dir, 'diary');
  const agentCommand = `while :; do echo $$ >>'${diary}'; sleep 0.1; done`;
  const town = await makeTown(world, 'undead', 'hono', { agentCommand, snapshotStore: 'git' });
  firstBoot = (await town.town()).boot?.bootId ?? null;
  const control = Number(await readFile(join(zombie, 'pid'), 'utf8'));
  const [first] = await pidsIn(diary);

  // Nobody hears of it any more, while its agent works on: to the platform it is dead.
  sendSignal(control, 'SIGSTOP');
  killContainer(world);
  await untilRecovered(town, 2);
  await untilAgent(town, 'hono', 'ada', 'working');
  await writeFile(join(worktreeOf(world, 'hono'), 'work.txt'), 'of the second life');
  await untilSnapshot(world, town, 'hono');
  const before = await stateOf();
  answers.length = 0;

  await writeFile(join(zombie, 'workspace/rigs/hono/agents/ada/work.txt'), 'of a zombie');
  expect(findMarked(zombie)).toContain(first);
  sendSignal(control, 'SIGCONT');
  await until('the old control server has ended', PATIENCE_MS, async () =>
    findMarked(zombie).length === 0 ? true : null,
  );
  expect(await readFile(join(zombie, 'exit'), 'utf8')).toBe('0\n');
  expect(answers.length).toBeGreaterThan(0);
  for (const answer of answers) expect(answer).toMatchObject({ status: 409, code: 'stale_generation' });
  expect(await stateOf()).toEqual(before);
  // Each life has started its agent once.
  expect(await pidsIn(diary)).toHaveLength(2);

  killContainer(world);
  await untilRecovered(town, 3);
  expect(await readFile(join(worktreeOf(world, 'hono'), 'work.txt'), 'utf8')).toBe('of the second life');

  /** What the Worker and the remote have of the agent, but for the old container's own ref. */
  async function stateOf(): Promise<unknown> {
    const { lastSeenAt: _, ...view } = await town.agent('hono', 'ada');
    const refs = await git(['--git-dir', repositoryPath(world.git.rootDir, 'hono'), 'for-each-ref']);
    return {
      view,
      snapshots: await town.call('GET', '/rigs/hono/agents/ada/snapshots'),
      refs: refs.split('\n').filter((ref) => !/\/undead\.\w+\.1$/.test(ref)),
    };
  }
});

async function noteAnswer(request: Passing, forward: () => Promise<Answer>): Promise<Answer> {
  const answer = await forward();
  if (firstBoot !== null && request.body.includes(firstBoot)) {
    const { data } = Problem.safeParse(jsonOrNull(answer.body.toString()));
    answers.push({ path: request.path, status: answer.status, code: data?.code ?? null });
  }
  return answer;
}

/** The processes that have written into the diary. */
async function pidsIn(diary: string): Promise<number[]> {
  const lines = (await readFile(diary, 'utf8')).trim().split('\n');
  return [...new Set(lines.map((line) => z.coerce.number().parse(line)))];
}
