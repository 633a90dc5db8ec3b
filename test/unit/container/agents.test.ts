import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { AGENT_LOG_MAX_BYTES } from '../../../container/agents/agent-log.ts';
import { AgentSighting, CONTROL, OutputPart } from '../../../src/contract/control.ts';
import { type ControlProcess, isAlive, startControl, startRequest } from './control-process.ts';
import { eventually, type FakeWorker, problem, startFakeWorker, TOKEN } from './fake-worker.ts';
import { makeWorktree } from './worktrees.ts';

interface Town {
  worker: FakeWorker;
  control: ControlProcess;
  dir: string;
}

async function townWithWorktree(beadOf?: (agent: string) => string): Promise<Town> {
  const worker = await startFakeWorker(beadOf);
  const control = await startControl(worker.url);
  return { worker, control, dir: await makeWorktree(control.workspace, 'a') };
}

async function sightings(control: ControlProcess): Promise<AgentSighting[]> {
  return z.array(AgentSighting).parse((await control.call(CONTROL.agents)).json());
}

async function pidIn(dir: string, file = 'pid'): Promise<number> {
  return await eventually(async () => {
    const pid = Number(await readFile(join(dir, file), 'utf8'));
    expect(pid).toBeGreaterThan(0);
    return pid;
  });
}

describe('an agent that is started', () => {
  test('runs in its worktree, gets its prime on standard input and in a file, and its exit is told', async () => {
    const { worker, control } = await townWithWorktree();
    const command = 'pwd; cat; echo; cat "$GT_PRIME_FILE"; echo trouble >&2; exit 7';
    const startId = await control.start('a', { command });
    const { exit, ...message } = await worker.call('exit');
    expect(message).toEqual({
      life: control.life,
      rig: 'rig',
      agent: 'a',
      startId,
      bead: 'bead-1',
      cause: 'exited',
    });
    expect(exit).toMatchObject({ code: 7, signal: null });
    expect(exit.tail).toContain('/rigs/rig/agents/a');
    expect(exit.tail.match(/Your bead is bead-1/g)).toHaveLength(2);
    expect(exit.tail).toContain('trouble');
    expect(worker.problems).toEqual([]);
  });

  test('is seen by heartbeats as starting, running and exited, until its exit was taken', async () => {
    const { worker, control, dir } = await townWithWorktree();
    worker.answer('exit', () => problem('internal'));
    const startId = await control.start('a', { command: 'until test -e go; do sleep 0.05; done; echo done' });
    const seen = async (state: string): Promise<unknown> =>
      await worker.call('heartbeat', ({ agents }) =>
        agents.some((a) => a.startId === startId && a.state === state),
      );
    await seen('running');
    const [running] = await sightings(control);
    expect(running).toMatchObject({ startId, wroteAt: null });
    await writeFile(join(dir, 'go'), '');
    await seen('exited');
    const [exited] = await sightings(control);
    expect(exited).toMatchObject({ startId, state: 'exited', bead: 'bead-1' });
    expect(exited?.wroteAt).toBeGreaterThan(running?.startedAt ?? 0);
    worker.answer('exit', null);
    await eventually(async () => expect(await sightings(control)).toEqual([]));
  });

  test('has the secrets of its town in its environment, and nobody is told them', async () => {
    const { worker, control } = await townWithWorktree();
    worker.answer('secrets', () => ({ status: 200, json: { API_KEY: 'sk-0123456789', PATH: '/nowhere' } }));
    await control.start('a', { command: 'test "$API_KEY" = sk-0123456789 && echo "the key is $API_KEY"' });
    const { exit } = await worker.call('exit');
    expect(exit).toMatchObject({ code: 0, tail: 'the key is [redacted]\n' });
    const agentLog = await control.call(CONTROL.log, { rig: 'rig', agent: 'a' });
    expect(agentLog.text).toContain('the key is [redacted]');
    const part = await control.call(CONTROL.logAfter, { rig: 'rig', agent: 'a', after: '0' });
    expect(OutputPart.parse(part.json()).text).toContain('the key is *************\n');
    expect(JSON.stringify(control.events)).not.toContain('sk-0123456789');
  });

  test('is not started while one of its secrets is not set', async () => {
    const { worker, control } = await townWithWorktree();
    worker.answer('secrets', () => problem('unknown_secret'));
    await control.start('a', { command: 'true' });
    expect(await worker.call('exit')).toMatchObject({
      cause: 'spawn_failed',
      exit: { tail: expect.stringContaining('unknown_secret') },
    });
  });

  test('has an environment without any secret or anything else of the control server', async () => {
    const worker = await startFakeWorker();
    const env = { RELIGHT_CONTAINER: 'mark/1', ELSE: 'not for agents', LANG: 'C.UTF-8' };
    const control = await startControl(worker.url, { env });
    const dir = await makeWorktree(control.workspace, 'a');
    await control.start('a', { command: 'env > env.txt; cat /proc/$$/cmdline > cmdline.txt' });
    await worker.call('exit');
    const lines = (await readFile(join(dir, 'env.txt'), 'utf8')).split('\n');
    const names = lines.flatMap((line) => /^([A-Za-z_0-9]+)=/.exec(line)?.[1] ?? []).toSorted();
    expect(names.join(' ')).toMatchInlineSnapshot(
      `"BUN_INSTALL_CACHE_DIR GIT_AUTHOR_EMAIL GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL GIT_COMMITTER_NAME GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_KEY_1 GIT_CONFIG_VALUE_0 GIT_CONFIG_VALUE_1 GIT_TERMINAL_PROMPT GOMODCACHE GT_AGENT GT_BEAD GT_BRANCH GT_NODE GT_PRIME_FILE GT_RIG GT_RUN GT_SESSION_DIR GT_SOCKET GT_TOWN HOME LANG PATH PIP_CACHE_DIR PWD RELIGHT_CONTAINER TMPDIR UV_CACHE_DIR YARN_CACHE_FOLDER npm_config_cache npm_config_store_dir"`,
    );
    expect(lines).toContain('GIT_AUTHOR_EMAIL=a@rig.relight.invalid');
    expect(lines).toContain('RELIGHT_CONTAINER=mark/1');
    expect(lines).toContain('GT_BRANCH=gt/a/bead-1');
    expect(lines.join('\n') + (await readFile(join(dir, 'cmdline.txt'), 'utf8'))).not.toContain(TOKEN);
  });

  test('twice at the same moment, is one process', async () => {
    const { worker, control, dir } = await townWithWorktree();
    const command = 'echo $$ >> pids; sleep 60';
    const ids = await Promise.all([1, 2, 3].map(async () => await control.start('a', { command })));
    expect(new Set(ids).size).toBe(1);
    await worker.call('heartbeat', ({ agents }) => agents.some(({ state }) => state === 'running'));
    expect(await sightings(control)).toHaveLength(1);
    const pids = await eventually(async () => (await readFile(join(dir, 'pids'), 'utf8')).trim().split('\n'));
    expect(pids).toHaveLength(1);
  });

  test('is not run again when the same start is asked for after its end', async () => {
    const { worker, control, dir } = await townWithWorktree();
    const startId = randomUUID();
    const order = { startId, command: 'echo ran >> runs' };
    await control.start('a', order);
    await worker.call('exit');
    expect(await control.start('a', order)).toBe(startId);
    expect(await sightings(control)).toEqual([]);
    expect(await readFile(join(dir, 'runs'), 'utf8')).toBe('ran\n');
  });

  test('for another bead stops the running one first', async () => {
    let bead = 'bead-1';
    const { worker, control, dir } = await townWithWorktree(() => bead);
    const first = await control.start('a', { command: 'echo $$ > pid; sleep 60' });
    const pid = await pidIn(dir);
    bead = 'bead-2';
    const second = await control.start('a', {
      bead,
      command: `test -e /proc/${String(pid)} && echo both; sleep 60`,
    });
    expect(second).not.toBe(first);
    expect(await worker.call('exit')).toMatchObject({ startId: first, bead: 'bead-1', cause: 'stopped' });
    await worker.call('heartbeat', ({ agents }) =>
      agents.some((a) => a.startId === second && a.state === 'running'),
    );
    expect((await control.call(CONTROL.log, { rig: 'rig', agent: 'a' })).text).not.toContain('both');
  });

  test('without a worktree has not started, and the reason is told', async () => {
    const { worker, control } = await townWithWorktree();
    await control.start('elsewhere', {});
    const { cause, exit } = await worker.call('exit');
    expect(cause).toBe('spawn_failed');
    expect(exit).toMatchObject({ code: null, signal: null, ranMs: 0 });
    expect(exit.tail).toContain('elsewhere has no usable worktree');
  });

  test('whose hook holds another bead by now has not started', async () => {
    const { worker, control } = await townWithWorktree(() => 'bead-9');
    await control.start('a', {});
    const { cause, exit } = await worker.call('exit');
    expect(cause).toBe('spawn_failed');
    expect(exit.tail).toContain('bead_not_hooked');
  });

  test.each(['sleep 60', 'setsid sleep 60'])('leaves no child behind when it ends: %s', async (child) => {
    const { worker, control, dir } = await townWithWorktree();
    await control.start('a', { command: `${child} & echo $! > pid` });
    await worker.call('exit');
    expect(isAlive(await pidIn(dir))).toBe(false);
  });
});

describe('an agent that is stopped', () => {
  test('may finish, also when the shell around it dies at once', async () => {
    const { worker, control, dir } = await townWithWorktree();
    const inner = `trap 'sleep 0.3; echo saved > saved; exit 0' TERM; echo $$ > pid; while :; do sleep 0.05; done`;
    await control.start('a', { command: `sh -c "${inner.replaceAll('$', String.raw`\$`)}"; true` });
    await pidIn(dir);
    const answer = await control.call(CONTROL.stop, { rig: 'rig', agent: 'a' }, { life: control.life });
    expect(answer.status).toBe(204);
    expect(await worker.call('exit')).toMatchObject({ cause: 'stopped' });
    expect(await readFile(join(dir, 'saved'), 'utf8')).toBe('saved\n');
  });

  test('is killed when it does not end in time', async () => {
    const { worker, control, dir } = await townWithWorktree();
    await control.start('a', { command: `trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done` });
    const pid = await pidIn(dir);
    await control.call(CONTROL.stop, { rig: 'rig', agent: 'a' }, { life: control.life });
    expect(await worker.call('exit')).toMatchObject({
      cause: 'stopped',
      exit: { code: null, signal: 'SIGKILL' },
    });
    expect(isAlive(pid)).toBe(false);
  });

  test('before it had a process, never gets one', async () => {
    const { worker, control, dir } = await townWithWorktree();
    worker.answer('prime', () => 'hang');
    await control.start('a', { command: 'touch ran' });
    await worker.call('prime');
    await control.call(CONTROL.stop, { rig: 'rig', agent: 'a' }, { life: control.life });
    expect(await worker.call('exit')).toMatchObject({ cause: 'stopped', exit: { ranMs: 0 } });
    await expect(readFile(join(dir, 'ran'))).rejects.toThrow('ENOENT');
  });

  test('and does not run, is no error', async () => {
    const { control } = await townWithWorktree();
    const stop = control.call(CONTROL.stop, { rig: 'rig', agent: 'a' }, { life: control.life });
    expect((await stop).status).toBe(204);
  });
});

describe("an agent's log", () => {
  test('holds the output of all its starts, each under a line with its time', async () => {
    const { worker, control } = await townWithWorktree();
    for (const word of ['one', 'two']) {
      const startId = await control.start('a', { command: `echo ${word}` });
      await worker.call('exit', (message) => message.startId === startId);
      await eventually(async () => expect(await sightings(control)).toEqual([]));
    }
    const log = await control.call(CONTROL.log, { rig: 'rig', agent: 'a' });
    expect(log.type).toContain('text/plain');
    expect(log.text).toMatch(/^--- start \S+ \d{4}-.*Z ---\none\n--- start \S+ \d{4}-.*Z ---\ntwo\n$/);
  });

  test('keeps the last mebibyte of a flood', async () => {
    const { worker, control } = await townWithWorktree();
    await control.start('a', { command: 'yes 0123456789 | head -c 5000000; echo the end' });
    const { exit } = await worker.call('exit');
    expect(Buffer.byteLength(exit.tail)).toBe(4096);
    const { text } = await control.call(CONTROL.log, { rig: 'rig', agent: 'a' });
    expect(Buffer.byteLength(text)).toBe(AGENT_LOG_MAX_BYTES);
    expect(text.endsWith('the end\n')).toBe(true);
  });
});

test('a control server whose boot another has taken over kills its agents and exits with 0', async () => {
  const { worker, control, dir } = await townWithWorktree();
  await control.start('a', { command: `trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done` });
  const pid = await pidIn(dir);
  await makeWorktree(control.workspace, 'b');
  worker.answer('heartbeat', () => problem('stale_generation'));
  // A change has a heartbeat sent at once; the server may be gone before it has answered the start.
  const places = { rig: 'rig', agent: 'b' };
  await Promise.allSettled([control.call(CONTROL.start, places, startRequest(control.life, {}))]);
  expect(await control.ended).toEqual({ code: 0, signal: null });
  await eventually(() => expect(isAlive(pid)).toBe(false));
  expect(worker.bodies('exit')).toEqual([]);
});

test('a control server whose announcement is stale exits with 0', async () => {
  const worker = await startFakeWorker();
  worker.answer('announce', () => problem('stale_generation'));
  const control = await startControl(worker.url);
  expect(await control.ended).toEqual({ code: 0, signal: null });
});
