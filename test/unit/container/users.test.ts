import { existsSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { homeDir, primeFile } from '../../../container/agents/places.ts';
import { repoDir } from '../../../container/git/layout.ts';
import type { AgentExit } from '../../../src/contract/agent.ts';
import { CONTROL } from '../../../src/contract/control.ts';
import { isAlive, spawnControl } from './control-process.ts';
import { eventually, TOKEN } from './fake-worker.ts';
import { imageLike, whyNotAsInImage } from './image-like.ts';
import { imageTown, restore, start } from './image-town.ts';
import { output } from './worktrees.ts';

const whyNot = whyNotAsInImage();
if (whyNot !== null)
  process.stderr.write(`Agents with users of their own are not tested here, because ${whyNot}.\n`);

/** Everything that git does for an agent, as an ordinary user; each command has to succeed. */
const WORK = [
  'set -e',
  'echo one > work.txt && git add --all && git commit --quiet -m one && git push --quiet origin HEAD',
  'gt checkpoint \'{"step":1}\'',
  'git fetch --quiet && git branch aside && git branch --quiet -d aside',
  'echo two > work.txt && git stash --quiet && git stash pop --quiet && git commit --quiet --all -m two',
  'git rebase --quiet --force-rebase HEAD~1',
  '[ "$GT_AGENT" != a ] || git gc --quiet',
  'echo three > work.txt && git commit --quiet --all -m three',
  'echo "uid $(stat -c %u work.txt)" && gt done',
].join('\n');

/** The session's database, in a program of the agent. */
const DATABASE = "new (require('node:sqlite').DatabaseSync)(process.env.GT_SESSION_DIR + '/talk.db')";

describe.skipIf(whyNot !== null)('agents with users of their own', { timeout: 90_000 }, () => {
  test('work in their worktrees as in anybody else’s, and share what package managers download', async () => {
    const { worker, control } = await imageTown({ rig: ['a', 'b'], other: ['c'] });
    const agents: [string, string][] = [
      ['rig', 'a'],
      ['rig', 'b'],
      ['other', 'c'],
    ];
    for (const each of agents) await start(control, each, WORK);
    await vi.waitFor(() => expect(worker.bodies('exit')).toHaveLength(3), { timeout: 60_000, interval: 20 });
    const uids = new Set<number>();
    for (const [rig, agent] of agents) {
      const { exit } = await worker.call('exit', (body) => body.agent === agent);
      expect(exit).toMatchObject({ code: 0, tail: expect.stringContaining('bead-1 is done') });
      // Its worktree may be gone by now, because its bead is over; its branch stays.
      const repo = ['-c', 'safe.directory=*', '--git-dir', repoDir(control.workspace, rig)];
      const head = await output('git', [...repo, 'rev-parse', `refs/heads/gt/${agent}/bead-1`]);
      expect(worker.bodies('done').find((body) => body.agent === agent)).toMatchObject({ head });
      uids.add(Number(/uid (\d+)/.exec(exit.tail)?.[1]));
    }
    expect(uids.size).toBe(3);
    expect(uids).not.toContain(0);
    const users = await readFile(join(control.workspace, 'cache/rig/npm/users'), 'utf8');
    expect(users.trim().split('\n').toSorted()).toEqual(['a', 'b']);
  });

  test('cannot get at what is another’s or the control server’s', async () => {
    const { control } = await imageTown({ rig: ['a', 'b'], other: ['c'] });
    const { workspace, pid, url } = control;
    const a = await start(
      control,
      ['rig', 'a'],
      'echo mine > "$HOME/secret" && echo open > open.txt && echo "$GT_SOCKET" > socket && echo $$ > pid && exec sleep 60',
    );
    const [socket, agentPid] = [await a.said('socket'), await a.said('pid')];
    const files = {
      home: join(homeDir(workspace, 'rig', 'a'), 'secret'),
      prime: primeFile(workspace, 'rig', 'a'),
      'environment of the agent': `/proc/${agentPid}/environ`,
      'environment of the control server': `/proc/${pid}/environ`,
      'memory of the control server': `/proc/${pid}/mem`,
    };
    for (const path of [socket, ...Object.values(files)]) expect(existsSync(path)).toBe(true);
    const connects = (path: string): string =>
      `"$GT_NODE" -e "require('net').connect('${path}').on('connect', () => process.exit(0)).on('error', () => process.exit(1))"`;
    const answers = (path: string): string =>
      `"$GT_NODE" -e "fetch('${url}${path}').then((answer) => process.exit(answer.ok ? 0 : 1))"`;
    const tries = {
      ...Object.fromEntries(Object.entries(files).map(([name, path]) => [name, `exec 3< ${path}`])),
      socket: connects(socket),
      'names of the rig’s agents': `ls ${workspace}/home/rig || ls ${workspace}/prime/rig || ls ${workspace}/run`,
      signals: `kill -0 ${agentPid} || kill -0 ${pid}`,
      calls: answers(CONTROL.agents.path),
      health: answers(CONTROL.health.path),
      'own home': 'echo mine > "$HOME/secret" && cat "$HOME/secret"',
      'own prime': 'cat "$GT_PRIME_FILE"',
      'own socket': connects('$GT_SOCKET'),
      'worktree of the rig': `cat ${workspace}/rigs/rig/agents/a/README.md`,
      'repository of the rig': `ls ${repoDir(workspace, 'rig')}`,
      'cache of the rig': `ls ${workspace}/cache/rig`,
    };
    const probe = Object.entries(tries)
      .map(([name, command]) => `if (${command}) > /dev/null 2>&1; then echo "${name}"; fi`)
      .join('\n');
    const tell = `{ ${probe}\n} > found.tmp; mv found.tmp found`;
    const own = ['health', 'own home', 'own prime', 'own socket'];
    const mate = await start(control, ['rig', 'b'], tell);
    const sharing = ['worktree of the rig', 'repository of the rig', 'cache of the rig'];
    expect((await mate.said('found')).split('\n')).toEqual([...own, ...sharing]);
    const stranger = await start(control, ['other', 'c'], tell);
    expect((await stranger.said('found')).split('\n')).toEqual(own);
  });

  test('leave no process behind when they are stopped, whatever it did to leave', async () => {
    const { worker, control } = await imageTown({ rig: ['a'] });
    const leave = 'env -i setsid sh -c "echo \\$\\$ > left.tmp; mv left.tmp left; exec sleep 60" &';
    const a = await start(control, ['rig', 'a'], `${leave}\nexec sleep 60`);
    const pid = Number(await a.said('left'));
    expect(isAlive(pid)).toBe(true);
    await control.call(CONTROL.stop, { rig: 'rig', agent: 'a' }, { life: control.life });
    expect((await worker.call('exit')).cause).toBe('stopped');
    expect(isAlive(pid)).toBe(false);
  });

  test('can edit and commit what a snapshot brought back, and keep their users over a restart', async () => {
    const { worker, control, gitUrl, another } = await imageTown({ rig: ['a'] });
    const begin = [
      'mkdir -p deep/er && echo staged > deep/er/staged.txt && git add --all && echo changed > README.md',
      'echo private > closed.txt && chmod 600 closed.txt && mkdir bare && chmod 700 deep/er',
      'git commit --quiet -m unpushed',
      'echo staged > staged-again.txt && git add staged-again.txt',
      'echo hello > "$GT_SESSION_DIR/talk.txt"',
      `"$GT_NODE" --no-warnings -e "${DATABASE}.exec('CREATE TABLE t AS SELECT 7 AS x')"`,
    ].join(' && ');
    await start(control, ['rig', 'a'], begin);
    expect((await worker.call('exit')).exit.code).toBe(0);
    const snapshot = worker.bundles.at(-1)?.offer.snapshot;
    expect(snapshot).toMatchObject({ files: 4, leftOutCount: 0 });
    control.kill('SIGKILL');
    await control.ended;

    const later = await another();
    await restore({ worker, control: later, gitUrl }, 'rig', ['a'], snapshot);
    const go = [
      'set -e',
      'git status --porcelain > status.tmp',
      'echo more >> closed.txt && echo more >> deep/er/staged.txt && touch bare/file && rm README.md',
      'stat -c %a closed.txt > mode.tmp',
      'echo again >> "$GT_SESSION_DIR/talk.txt"',
      `"$GT_NODE" --no-warnings -e "${DATABASE}.exec('INSERT INTO t VALUES (8)')"`,
      'git stash --quiet --include-untracked && git stash pop --quiet --index',
      'git add --all && git commit --quiet -m more && git push --quiet origin HEAD',
    ].join('\n');
    const a = await start(later, ['rig', 'a'], go);
    const isLater = ({ life }: { life: { bootId: string } }): boolean => life.bootId === later.bootId;
    const { exit } = await worker.call('exit', isLater);
    expect(exit).toMatchObject({ code: 0, tail: '' });
    expect(await a.said('mode.tmp')).toBe('600');
    expect(await readFile(join(a.dir, 'status.tmp'), 'utf8')).toBe(
      ' M README.md\nA  staged-again.txt\n?? closed.txt\n?? status.tmp\n',
    );
    const uidOf = (workspace: string): number => statSync(homeDir(workspace, 'rig', 'a')).uid;
    expect(uidOf(later.workspace)).toBe(uidOf(control.workspace));
  });

  test('cannot have the control server follow a link to what they may not read or write', async () => {
    const { worker, control } = await imageTown({ rig: ['a'], other: ['c'] });
    const { workspace } = control;
    const target = homeDir(workspace, 'other', 'c');
    const hide = [
      'mkdir -p "$HOME/.claude/projects"',
      'echo s3cret-of-c | tee "$HOME/sparse-checkout" > "$HOME/.claude/projects/talk.jsonl"',
    ];
    await start(control, ['other', 'c'], hide.join('\n'));
    await worker.call('exit', ({ agent }) => agent === 'c');
    const runA = async (...lines: string[]): Promise<AgentExit> => {
      const { startId } = await start(control, ['rig', 'a'], lines.join('\n'));
      return (await worker.call('exit', (body) => body.startId === startId)).exit;
    };
    const repo = ['-c', 'safe.directory=*', '--git-dir', repoDir(workspace, 'rig')];
    const stored = async (): Promise<string> =>
      await output('git', [...repo, 'cat-file', '--batch-all-objects', '--batch', '--buffer']);

    expect(await runA('echo mine > work.txt', `ln -s ${target}/.claude "$HOME/.claude"`)).toMatchObject({
      code: 0,
    });
    expect(worker.bundles.map(({ offer }) => offer.agent)).toContain('a');
    expect(await stored()).toContain('mine');
    expect(await stored()).not.toContain('s3cret-of-c');

    const admin = '"$(git rev-parse --git-dir)/info"';
    await runA(
      `rm -rf ${admin} "$HOME/.config"`,
      `ln -s ${target} ${admin}`,
      `ln -s ${target} "$HOME/.config"`,
    );
    await eventually(() =>
      expect(control.events).toContainEqual(
        expect.objectContaining({
          event: 'snapshot.not-stored',
          agent: 'a',
          reason: expect.stringContaining('leads through a symbolic link'),
        }),
      ),
    );
    expect(await stored()).not.toContain('s3cret-of-c');
    expect((await runA('true')).tail).toMatch(/ENOTDIR|ELOOP|symbolic link/);
    expect(await readdir(target)).not.toContain('gt');
  });
});

test('a control server that is not root refuses to give agents users of their own', async () => {
  const env = {
    AGENT_USERS: 'own',
    GT_TOWN: 'town',
    RELIGHT_URL: 'http://127.0.0.1:1',
    RELIGHT_TOKEN: TOKEN,
  };
  const nobody = ['setpriv', '--reuid=65534', '--clear-groups'];
  const words = whyNot === null ? imageLike({ as: nobody }) : undefined;
  const { ended, stderr } = spawnControl({ ...env, PORT: '0', HOST: '127.0.0.1' }, words);
  expect((await ended).code).toBe(1);
  expect(stderr()).toBe(
    'The control server cannot start: AGENT_USERS=own gives each agent a user of its own, which only root on Linux can do.\n',
  );
});
