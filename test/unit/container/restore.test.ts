import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { worktreeDir } from '../../../container/git/layout.ts';
import { CONTROL } from '../../../src/contract/control.ts';
import { restoreRequest, startControl } from './control-process.ts';
import { eventually, problem, startFakeWorker } from './fake-worker.ts';
import { output, startRemote } from './worktrees.ts';

const SECRET = 'git-s3cret-of-the-test';
const PLACES = { rig: 'rig' };

describe('the control server, asked to restore a rig,', () => {
  test('answers at once, brings the worktrees back, and posts the report', async () => {
    const worker = await startFakeWorker();
    const { gitUrl } = await startRemote();
    const control = await startControl(worker.url);
    const recoveryId = `boot-${control.bootId}`;
    const request = restoreRequest(control.life, gitUrl, ['a', 'b'], { recoveryId, event: 'rig-ready-1' });
    const answer = await control.call(CONTROL.restore, PLACES, request);
    expect(answer.status).toBe(202);
    expect(answer.json()).toEqual({ state: 'restoring' });
    const message = await worker.call('rigReport');
    expect(message).toMatchObject({ life: control.life, recoveryId, event: 'rig-ready-1' });
    expect(message.report).toMatchObject({ rig: 'rig', status: 'ready', fault: null });
    for (const agent of ['a', 'b']) {
      const file = join(worktreeDir(control.workspace, 'rig', agent), 'README.md');
      expect(await readFile(file, 'utf8')).toBe('A rig.\n');
    }
    const again = await control.call(CONTROL.restore, PLACES, { ...request, event: 'rig-ready-2' });
    expect(again.status).toBe(200);
    expect(CONTROL.restore.answer.parse(again.json())).toEqual({ state: 'finished', report: message.report });
    expect(worker.problems).toEqual([]);
  });

  test('runs the setup in each new worktree, with its output in the agent log', async () => {
    const worker = await startFakeWorker();
    const { gitUrl } = await startRemote();
    const control = await startControl(worker.url);
    const setupCommand =
      'echo "setting up $GT_AGENT"; test "$GT_AGENT" != b || { echo "b is broken" >&2; exit 9; }';
    await control.call(
      CONTROL.restore,
      PLACES,
      restoreRequest(control.life, gitUrl, ['a', 'b'], { setupCommand }),
    );
    const { report } = await worker.call('rigReport');
    expect(report.status).toBe('partial');
    const [a, b] = report.agents.toSorted((one, other) => one.agent.localeCompare(other.agent));
    expect(a).toMatchObject({ agent: 'a', fault: null });
    expect(b).toMatchObject({ agent: 'b', fault: { code: 'setup_failed' } });
    expect(b?.fault?.reason).toContain('b is broken');
    const log = await control.call(CONTROL.log, { rig: 'rig', agent: 'a' });
    expect(log.text).toMatch(/^--- setup .* ---\nsetting up a\n$/);
  });

  test('tells of an agent as soon as its worktree is there, while others are still being set up', async () => {
    const worker = await startFakeWorker();
    const { gitUrl } = await startRemote();
    const control = await startControl(worker.url);
    const gate = join(control.workspace, 'open');
    const setupCommand = `test "$GT_AGENT" = a || until test -e ${gate}; do sleep 0.02; done`;
    const request = restoreRequest(control.life, gitUrl, ['a', 'b'], { setupCommand });
    await control.call(CONTROL.restore, PLACES, request);
    const ready = await worker.call('agentsReady');
    expect(ready).toMatchObject({ life: control.life, rig: 'rig', agents: [{ agent: 'a', fault: null }] });
    expect(worker.bodies('rigReport')).toEqual([]);
    await writeFile(gate, '');
    const { report } = await worker.call('rigReport');
    expect(report).toMatchObject({ status: 'ready', agents: [{ agent: 'a' }, { agent: 'b' }] });
  });

  test('lets the set-ups of a rig share what their package managers download', async () => {
    const worker = await startFakeWorker();
    const { gitUrl } = await startRemote();
    const control = await startControl(worker.url);
    const setupCommand = 'mkdir -p "$npm_config_cache" && echo "$GT_AGENT" >> "$npm_config_cache/users"';
    const request = restoreRequest(control.life, gitUrl, ['a', 'b'], { setupCommand });
    await control.call(CONTROL.restore, PLACES, request);
    expect((await worker.call('rigReport')).report.status).toBe('ready');
    const users = await readFile(join(control.workspace, 'cache/rig/npm/users'), 'utf8');
    expect(users.trim().split('\n').toSorted()).toEqual(['a', 'b']);
  });

  test('asks the Worker for the credential at the moment of use, and writes it down nowhere', async () => {
    const worker = await startFakeWorker();
    const { gitUrl } = await startRemote((_, user, password) => user === 'x-token' && password === SECRET);
    const control = await startControl(worker.url);
    await control.call(
      CONTROL.restore,
      PLACES,
      restoreRequest(control.life, gitUrl, ['a'], { credential: true }),
    );
    const { report } = await worker.call('rigReport');
    expect(report).toMatchObject({ status: 'ready' });
    const asked = worker.bodies('credential').length;
    expect(asked).toBeGreaterThan(0);

    // The agent's own git is served over its own socket, for the rig's host and no other.
    const question = 'printf "protocol=http\\nhost=other.invalid\\n\\n" | git credential fill';
    const print = `printf "url=${gitUrl}\\n\\n" | git credential fill`;
    const push = 'git commit -q --allow-empty -m Mine && git push -q origin HEAD && env > env.txt';
    await control.start('a', { command: `${push}; ${print}; ${question}; gt done --discard` });
    const { exit } = await worker.call('exit');
    expect(exit).toMatchObject({ code: 0, tail: expect.stringContaining('bead-1 is done') });
    expect(exit.tail).toMatch(/could not read|terminal prompts disabled/);
    expect(exit.tail).not.toContain(SECRET);
    expect(exit.tail).toContain('password=[redacted]');
    expect(worker.bodies('credential').length).toBeGreaterThan(asked);
    expect(worker.bodies('done')).toHaveLength(1);
    const found = output('grep', ['-rl', SECRET, control.workspace]);
    await expect(found).rejects.toMatchObject({ code: 1 });
    expect(JSON.stringify(control.events)).not.toContain(SECRET);
  });

  test('warns each agent before it starts when the credential may read but not push', async () => {
    const worker = await startFakeWorker();
    const { server, gitUrl } = await startRemote((_, _user, password) => password === SECRET);
    worker.answer('credential', () => ({ status: 200, json: { username: 'x-token', password: SECRET } }));
    server.setFault('rig', { status: 403, service: 'git-receive-pack' });
    const control = await startControl(worker.url);
    const request = restoreRequest(control.life, gitUrl, ['a'], { credential: true });
    await control.call(CONTROL.restore, PLACES, request);
    const { report } = await worker.call('rigReport');
    expect(report.status).toBe('ready');
    expect(report.agents[0]?.warnings).toContainEqual(expect.stringMatching(/^pushing may fail: .*403/));
  });

  test('asks once for a fresh credential when the host refuses the last one, for itself and for agents', async () => {
    const worker = await startFakeWorker();
    let valid = 'first-token-of-the-test';
    const { gitUrl } = await startRemote((_, _user, password) => password === valid);
    let handedOut = 'expired-token-of-the-test';
    worker.answer('credential', ({ fresh }) => {
      if (fresh) handedOut = valid;
      return { status: 200, json: { username: 'x-token', password: handedOut } };
    });
    const control = await startControl(worker.url);
    const request = restoreRequest(control.life, gitUrl, ['a'], { credential: true });
    await control.call(CONTROL.restore, PLACES, request);
    expect((await worker.call('rigReport')).report).toMatchObject({ status: 'ready' });
    expect(worker.bodies('credential').filter(({ fresh }) => fresh)).toHaveLength(1);
    valid = 'second-token-of-the-test';
    const push = 'git commit -q --allow-empty -m Mine; git push -q origin HEAD || git push -q origin HEAD';
    await control.start('a', { command: push });
    expect((await worker.call('exit')).exit.code).toBe(0);
    expect(worker.bodies('credential').filter(({ fresh }) => fresh)).toHaveLength(2);
  });

  test('says so when the credential is refused, and when the Worker has none', async () => {
    const worker = await startFakeWorker();
    const { gitUrl } = await startRemote(() => false);
    const control = await startControl(worker.url);
    const request = restoreRequest(control.life, gitUrl, ['a'], { credential: true });
    await control.call(CONTROL.restore, PLACES, request);
    expect((await worker.call('rigReport')).report).toMatchObject({
      status: 'failed',
      fault: { code: 'git_auth' },
    });
    worker.answer('credential', () => problem('unknown_credential'));
    await control.call(CONTROL.restore, PLACES, request);
    await eventually(() => expect(worker.bodies('rigReport')).toHaveLength(2));
    expect(worker.bodies('rigReport')[1]?.report.fault).toMatchObject({ code: 'unknown_credential' });
    // That the Worker could not be asked is not said of the credential: it may pass.
    worker.answer('credential', () => problem('worker_unreachable', { 'retry-after': '60' }));
    await control.call(CONTROL.restore, PLACES, request);
    await eventually(() => expect(worker.bodies('rigReport')).toHaveLength(3));
    expect(worker.bodies('rigReport')[2]?.report.fault).toMatchObject({ retryable: true });
  });
});
