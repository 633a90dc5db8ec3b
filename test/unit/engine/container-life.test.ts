import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { isAlive, startTestEngine, type TestEngine } from './test-engine.ts';

/** The process id that a container printed on its first line. */
async function printedPid({ lines }: TestEngine): Promise<number> {
  return vi.waitFor(() => {
    const first = lines.find(({ stream }) => stream === 'stdout');
    expect(first).toBeDefined();
    return Number(first?.line);
  });
}

describe('a container of the process engine', () => {
  test('has a fresh disk at each start, at the same path, which is gone after its exit', async () => {
    const { engine, rootDir, docker, run, exitCode } = await startTestEngine();
    await run(
      'box',
      'ls -A "$HOME" "$WORKSPACE" "$TMPDIR" > seen; touch "$HOME/left" "$WORKSPACE/left"; sleep 100',
    );
    const first = engine.containers()[0]?.dir ?? '';
    await vi.waitFor(() => expect(existsSync(join(first, 'workspace', 'left'))).toBe(true));
    engine.kill('box', 'SIGKILL');
    await exitCode('box');
    expect(existsSync(first)).toBe(false);

    await docker('POST', '/containers/box/start');
    const second = engine.containers()[0]?.dir ?? '';
    if (process.platform === 'linux') expect(second).toBe(first);
    await vi.waitFor(() => expect(existsSync(join(second, 'workspace', 'left'))).toBe(true));
    expect(await readFile(join(second, 'seen'), 'utf8')).not.toContain('left');
    expect((await readdir(rootDir)).filter((name) => !name.startsWith('.'))).toHaveLength(1);
  });

  test('gets its own environment and not that of the engine', async () => {
    vi.stubEnv('ENGINE_SECRET', 'do not pass on');
    const { engine, lines, run, exitCode } = await startTestEngine();
    await run('box', 'env; sleep 0.2', ['GIVEN=a=b', 'HOME=/nope', 'PORT=8080']);
    const dir = engine.containers()[0]?.dir ?? '';
    await exitCode('box');
    const env = lines.map(({ line }) => line);
    expect(env).toEqual(
      expect.arrayContaining(['GIVEN=a=b', `HOME=${dir}/home`, `WORKSPACE=${dir}/workspace`]),
    );
    expect(env).toContain(`TMPDIR=${dir}/tmp`);
    expect(env).toContain(`RELIGHT_CONTAINER=${dir}`);
    expect(env).not.toContain('PORT=8080');
    expect(env.join()).not.toContain('ENGINE_SECRET');
  });

  test.each([
    ['exit 0', 0],
    ['exit 3', 3],
    ['kill -KILL $$', 137],
    ['kill -ABRT $$', 134],
  ])('that runs `%s` passes exit code %i through wait', async (script, code) => {
    const { run, exitCode } = await startTestEngine();
    await run('box', script);
    expect(await exitCode('box')).toEqual({ StatusCode: code });
  });

  test('sees SIGTERM in its main process only and may answer it with an exit code of its own', async () => {
    const engine = await startTestEngine();
    await engine.run(
      'box',
      'trap "echo asked; exit 5" TERM; sh -c "trap \'echo child asked\' TERM; sleep 100" & echo $!; wait',
    );
    await printedPid(engine);
    const exit = engine.exitCode('box');
    expect((await engine.docker('POST', '/containers/box/kill?signal=SIGTERM')).status).toBe(204);
    expect(await exit).toEqual({ StatusCode: 5 });
    expect(engine.lines.map(({ line }) => line)).toContain('asked');
    expect(engine.lines.map(({ line }) => line)).not.toContain('child asked');
  });

  test('hands over its output line by line, also the last one without an end', async () => {
    const { lines, run, exitCode } = await startTestEngine();
    await run('box', 'echo one; echo two >&2; printf three');
    await exitCode('box');
    expect(lines).toHaveLength(3);
    expect(lines).toContainEqual({ container: 'box', stream: 'stderr', line: 'two' });
    expect(lines).toContainEqual({ container: 'box', stream: 'stdout', line: 'three' });
  });

  test('runs side by side with another and ends without it', async () => {
    const { engine, docker, run } = await startTestEngine();
    await run('one', 'sleep 100');
    await run('two', 'sleep 100');
    await docker('DELETE', '/containers/one?force=true');
    expect(engine.containers()).toMatchObject([{ name: 'two', running: true }]);
  });
});

// Found by their marks below /proc; elsewhere the process group is all that can be ended.
describe.runIf(process.platform === 'linux')('the processes of a container', () => {
  const detach = `setsid sleep 1001 & echo $!;`;

  test('are all killed with it, in sessions of their own too', async () => {
    const engine = await startTestEngine();
    await engine.run('box', `${detach} sleep 100`);
    const grandchild = await printedPid(engine);
    expect(isAlive(grandchild)).toBe(true);
    await engine.docker('DELETE', '/containers/box?force=true');
    expect(isAlive(grandchild)).toBe(false);
  });

  test('are killed when the main process ends by itself', async () => {
    const engine = await startTestEngine();
    await engine.run('box', `${detach} exit 7`);
    expect(await engine.exitCode('box')).toEqual({ StatusCode: 7 });
    expect(isAlive(await printedPid(engine))).toBe(false);
  });

  test('are killed although one emptied its environment', async () => {
    const engine = await startTestEngine();
    // The marked shell in between keeps the unmarked process a descendant.
    await engine.run('box', `setsid sh -c 'env -i setsid sleep 1001 & echo $!; wait' & wait`);
    const unmarked = await printedPid(engine);
    await engine.docker('DELETE', '/containers/box?force=true');
    await vi.waitFor(() => expect(isAlive(unmarked)).toBe(false));
  });

  test('are killed even if they go on forking', async () => {
    const engine = await startTestEngine();
    await engine.run('box', `setsid sh -c 'while :; do sleep 0.01; done' & echo $!; sleep 100`);
    const forking = await printedPid(engine);
    await engine.docker('DELETE', '/containers/box?force=true');
    expect(isAlive(forking)).toBe(false);
  });

  test('do not include those of another container', async () => {
    const engine = await startTestEngine();
    await engine.run('other', 'sleep 100');
    const other = engine.engine.containers()[0]?.pid ?? 0;
    await engine.run('box', 'sleep 100');
    await engine.docker('DELETE', '/containers/box?force=true');
    expect(isAlive(other)).toBe(true);
  });
});
