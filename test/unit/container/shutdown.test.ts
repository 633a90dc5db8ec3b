import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CONTROL } from '../../../src/contract/control.ts';
import {
  type ControlProcess,
  isAlive,
  restoreRequest,
  startControl,
  startRequest,
} from './control-process.ts';
import { eventually, type FakeWorker, startFakeWorker } from './fake-worker.ts';
import { makeWorktree } from './worktrees.ts';

const SAVES = `trap 'sleep 0.2; gt checkpoint "\\"saved\\""; exit 5' TERM; echo $$ > ../pid; while :; do sleep 0.05; done`;
const STUBBORN = `trap '' TERM; echo $$ > ../pid; while :; do sleep 0.05; done`;

async function townWithAgent(
  command: string,
): Promise<{ worker: FakeWorker; control: ControlProcess; pid: number }> {
  const worker = await startFakeWorker();
  const control = await startControl(worker.url, { env: { DRAIN_SECONDS: '2' } });
  const dir = await makeWorktree(control.workspace, 'a');
  await control.start('a', { command });
  const pid = await eventually(async () => {
    const found = Number(await readFile(join(dir, '../pid'), 'utf8'));
    expect(found).toBeGreaterThan(0);
    return found;
  });
  return { worker, control, pid };
}

describe('a control server that gets SIGTERM', () => {
  test('lets its agents save their work, tells how they ended, and exits with 0', async () => {
    const { worker, control, pid } = await townWithAgent(SAVES);
    control.kill('SIGTERM');
    expect(await control.ended).toEqual({ code: 0, signal: null });
    expect(worker.bodies('checkpoint')).toMatchObject([{ data: 'saved' }]);
    expect(worker.bodies('exit')).toMatchObject([{ cause: 'shutdown', exit: { code: 5 } }]);
    expect(worker.bodies('heartbeat').at(-1)?.agents).toEqual([]);
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(join(control.workspace, 'run'))).toBe(false);
    expect(worker.problems).toEqual([]);
  });

  test('takes no new work meanwhile', async () => {
    const { worker, control } = await townWithAgent(STUBBORN);
    control.kill('SIGTERM');
    await eventually(async () => {
      expect((await control.call(CONTROL.health)).json()).toMatchObject({ draining: true });
    });
    const start = await control.call(
      CONTROL.start,
      { rig: 'rig', agent: 'b' },
      startRequest(control.life, {}),
    );
    expect(start.json()).toMatchObject({ status: 503, code: 'draining' });
    const request = restoreRequest(control.life, 'https://git.invalid/rig.git', ['a']);
    const restore = await control.call(CONTROL.restore, { rig: 'rig' }, request);
    expect(restore.json()).toMatchObject({ status: 503, code: 'draining' });
    expect(await control.ended).toEqual({ code: 0, signal: null });
    expect(worker.bodies('exit')).toMatchObject([{ cause: 'shutdown', exit: { signal: 'SIGKILL' } }]);
  });

  test('exits in time also when the Worker is away, or never answers', async () => {
    const command = SAVES.replace('gt checkpoint', 'true');
    const [away, silent] = [await townWithAgent(command), await townWithAgent(command)];
    await away.worker.close();
    for (const name of ['exit', 'heartbeat'] as const) silent.worker.answer(name, () => 'hang');
    const began = Date.now();
    for (const { control } of [away, silent]) control.kill('SIGTERM');
    for (const { control, pid } of [away, silent]) {
      expect(await control.ended).toEqual({ code: 0, signal: null });
      expect(isAlive(pid)).toBe(false);
    }
    expect(Date.now() - began).toBeLessThan(14_000);
  });

  test('twice, exits at once and leaves no agent behind', async () => {
    const { control, pid } = await townWithAgent(STUBBORN);
    control.kill('SIGTERM');
    await eventually(async () => {
      expect((await control.call(CONTROL.health)).json()).toMatchObject({ draining: true });
    });
    control.kill('SIGTERM');
    expect(await control.ended).toEqual({ code: 1, signal: null });
    await eventually(() => expect(isAlive(pid)).toBe(false));
  });

  test('before anything has happened, exits with 0 and leaves no socket', async () => {
    const worker = await startFakeWorker();
    const control = await startControl(worker.url);
    control.kill('SIGINT');
    expect(await control.ended).toEqual({ code: 0, signal: null });
    expect(await readdir(control.workspace)).not.toContain('run');
  });
});
