import { existsSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { jsonAnswer, Sockets } from '../../../container/tools/sockets.ts';
import { CHECKPOINT_MAX_BYTES } from '../../../src/contract/agent.ts';
import { runGt, townWithAgent } from './agent-town.ts';
import { makeWorkspace, startControl } from './control-process.ts';
import { GENERATION, primeOf, problem, startFakeWorker } from './fake-worker.ts';
import { makeWorktree, output } from './worktrees.ts';

describe('gt prime', () => {
  test('prints the prime as text, and as JSON', async () => {
    const { gt } = await townWithAgent();
    const prime = primeOf('rig', 'a', 'bead-1');
    expect(await gt(['prime'])).toEqual({ code: 0, stdout: prime.text, stderr: '' });
    expect(JSON.parse((await gt(['prime', '--json'])).stdout)).toEqual(prime);
  });
});

describe('gt checkpoint', () => {
  test('brings every kind of JSON value to the Worker as it is', async () => {
    const { worker, control, gt, dir } = await townWithAgent();
    const values = [
      { step: 1, nested: { done: ['a', null], '': false } },
      [1, [2, [3]]],
      'halfway',
      '',
      -0.5,
      null,
      false,
      { ключ: '点灯 🕯️ \u0000 "quoted" \\ \n', lone: '\ud800' },
    ];
    for (const [index, value] of values.entries()) {
      const said = await gt(['checkpoint', '-'], JSON.stringify(value));
      expect(said).toEqual({ code: 0, stdout: `checkpoint ${String(index + 1)} saved\n`, stderr: '' });
    }
    const head = await output('git', ['-C', dir, 'rev-parse', 'HEAD']);
    const message = { life: control.life, rig: 'rig', agent: 'a', bead: 'bead-1', head };
    expect(worker.bodies('checkpoint')).toEqual(values.map((data) => ({ ...message, data })));
  });

  test('takes the value as an argument and from a file, and a negative number too', async () => {
    const { worker, gt, dir } = await townWithAgent();
    await writeFile(join(dir, 'progress.json'), '{"from": "a file"}\n');
    expect((await gt(['checkpoint', '{"from":"an argument"}'])).code).toBe(0);
    expect((await gt(['checkpoint', `@${join(dir, 'progress.json')}`])).code).toBe(0);
    expect((await gt(['checkpoint', '-5'])).code).toBe(0);
    const data = worker.bodies('checkpoint').map((message) => message.data);
    expect(data).toEqual([{ from: 'an argument' }, { from: 'a file' }, -5]);
  });

  test('takes a value of the largest size, and refuses one byte more', async () => {
    const { worker, gt } = await townWithAgent();
    const largest = JSON.stringify('é'.repeat((CHECKPOINT_MAX_BYTES - 2) / 2));
    expect(await gt(['checkpoint', '-'], `${largest}\n`)).toMatchObject({ code: 0 });
    const refused = await gt(['checkpoint', '-'], JSON.stringify('x'.repeat(CHECKPOINT_MAX_BYTES - 1)));
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('too_large') });
    const huge = await gt(['checkpoint', '-'], 'x'.repeat(8 * CHECKPOINT_MAX_BYTES));
    expect(huge).toMatchObject({ code: 1, stderr: expect.stringContaining('too_large') });
    expect(worker.bodies('checkpoint')).toHaveLength(1);
  });

  test('refuses what is not JSON, or nested too deeply, and passes a refusal of the Worker on', async () => {
    const { worker, gt } = await townWithAgent();
    for (const bad of ['', '{"half":', 'undefined', '['.repeat(100_000) + ']'.repeat(100_000)]) {
      const said = await gt(['checkpoint', '-'], bad);
      expect(said).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(/^gt: invalid_request: /),
      });
    }
    worker.answer('checkpoint', () => problem('bead_not_hooked'));
    expect(await gt(['checkpoint', '1'])).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'gt: bead_not_hooked: the test wants bead_not_hooked\n' +
        'What to do: The bead is off your hook: it is finished or was taken back. Stop working on it and end.\n',
    });
  });
});

describe('gt', () => {
  test('says how the control server stands', async () => {
    const { gt, control } = await townWithAgent();
    expect(JSON.parse((await gt(['status'])).stdout)).toMatchObject({
      town: 'town',
      rig: 'rig',
      agent: 'a',
      bead: 'bead-1',
      branch: 'gt/a/bead-1',
      bootId: control.bootId,
      generation: GENERATION,
      draining: false,
    });
  });

  test('is on the PATH of an agent', async () => {
    const { worker, control, dir } = await townWithAgent();
    await makeWorktree(control.workspace, 'b');
    await control.start('b', { command: `gt checkpoint '"from b"' && gt status` });
    const { exit } = await worker.call('exit');
    expect(exit).toMatchObject({ code: 0, tail: expect.stringContaining('checkpoint 1 saved') });
    expect(worker.bodies('checkpoint')).toMatchObject([{ agent: 'b', data: 'from b' }]);
    expect(dir).not.toBe('');
  });

  test.each([
    [[]],
    [['dance']],
    [['toString']],
    [['help', 'dance']],
    [['help', 'toString']],
    [['prime', '--loud']],
    [['checkpoint']],
    [['checkpoint', '1', '2']],
    [['checkpoint', '@no/such/file']],
    [['done', 'now']],
    [['mcp', '--loud']],
  ])('%j is wrong use: 2', async (args) => {
    const said = await runGt(args, { GT_SOCKET: '/nowhere.sock', GT_WAIT_SECONDS: '0' });
    expect(said).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^gt: /) });
    // Said with how it is done right, so that the next try can be.
    expect(said.stderr).toMatch(/(^gt: ENOENT)|(\nUsage: gt )|(\n {2}gt prime \[--json\])/);
  });

  test.each([
    [['--help']],
    [['help', 'done']],
    [['prime', '--help']],
    [['checkpoint', '--help']],
    [['done', '-h']],
    [['status', '--help']],
    [['mcp', '--help']],
  ])('%j explains and ends with 0', async (args) => {
    const said = await runGt(args, {});
    expect(said).toMatchObject({ code: 0, stderr: '' });
    expect(said.stdout).toContain('gt ');
  });

  test('names every command with all its options in its overview', async () => {
    const { stdout: overview } = await runGt(['--help'], {});
    const commands = ['prime', 'checkpoint', 'done', 'status', 'mcp'];
    for (const command of commands) {
      const usage = (await runGt([command, '--help'], {})).stdout.split('\n')[0];
      expect(usage).toContain(`gt ${command}`);
      expect(overview).toContain(`\n  ${usage}`);
    }
    expect(overview.match(/--[a-z-]+/g)).toEqual(
      expect.arrayContaining(['--json', '--pr-url', '--summary', '--wip', '--discard']),
    );
    expect(overview).toMatch(/codes: 0 done, 1 refused .* 2 wrong use, 69 /);
  });

  test('ends with 69 when the control server is away', async () => {
    const said = await runGt(['prime'], { GT_SOCKET: '/nowhere.sock', GT_WAIT_SECONDS: '1' });
    expect(said).toMatchObject({
      code: 69,
      stdout: '',
      stderr: expect.stringMatching(/away.*\nWhat to do: /),
    });
  });

  test.each([['soon'], ['-1']])('takes no waiting time of %j', async (seconds) => {
    const said = await runGt(['prime'], { GT_SOCKET: '/nowhere.sock', GT_WAIT_SECONDS: seconds });
    expect(said).toMatchObject({ code: 2, stderr: expect.stringContaining('GT_WAIT_SECONDS') });
  });

  test.each([['prime'], ['mcp']])('says that %s works inside an agent only', async (command) => {
    expect(await runGt([command], {})).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('GT_SOCKET'),
    });
  });

  test('waits for a control server that is on its way', async () => {
    const sockets = new Sockets(await makeWorkspace(), 'boot');
    onTestFinished(() => sockets.removeAll());
    const said = runGt(['prime'], { GT_SOCKET: sockets.pathOf('late'), GT_WAIT_SECONDS: '20' });
    const routes = { '/prime': () => Promise.resolve(jsonAnswer({ text: 'here at last' })) };
    setTimeout(() => void sockets.open('late', routes), 400);
    expect(await said).toMatchObject({ code: 0, stdout: 'here at last\n' });
  });

  test('finds its socket also where the path of the workspace is too long for one', async () => {
    const workspace = join(await makeWorkspace(), 'long'.repeat(30));
    const worker = await startFakeWorker();
    const control = await startControl(worker.url, { workspace });
    await makeWorktree(workspace, 'a');
    await control.start('a', { command: 'gt status; echo "socket $GT_SOCKET"' });
    const { exit } = await worker.call('exit');
    expect(exit).toMatchObject({ code: 0 });
    const socket = /^socket (.*)$/m.exec(exit.tail)?.[1] ?? '';
    expect(socket.length).toBeLessThan(104);
    control.kill('SIGTERM');
    await control.ended;
    expect(existsSync(dirname(socket))).toBe(false);
  });

  test('reaches the control server over a socket that only its user may use', async () => {
    const { socket } = await townWithAgent();
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
  });
});
