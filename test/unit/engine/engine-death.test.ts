import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startEngine } from '../../../dev/engine/engine.ts';
import { isAlive, startTestEngine, temporaryPlace } from './test-engine.ts';

const PROGRAM = fileURLToPath(new URL('engine-process.ts', import.meta.url));
const nothing = (): null => null;

/** Starts an engine in its own process and gives it with the ids of its container's two processes. */
async function startEngineProcess(rootDir: string, socketPath: string) {
  const engine = execa(process.execPath, [PROGRAM, rootDir, socketPath], { reject: false, buffer: false });
  onTestFinished(() => void engine.kill('SIGKILL'));
  const [line]: unknown[] = await once(engine.stdout, 'data');
  return { engine, pids: String(line).split(' ').map(Number) };
}

describe.runIf(process.platform === 'linux')('an engine that dies by SIGKILL', () => {
  test('leaves no process, no directory and no socket', async () => {
    const { rootDir, socketPath } = await temporaryPlace();
    const { engine, pids } = await startEngineProcess(rootDir, socketPath);
    expect(pids.map(isAlive)).toEqual([true, true]);
    engine.kill('SIGKILL');
    await vi.waitFor(() => expect(pids.map(isAlive)).toEqual([false, false]), 3_000);
    await vi.waitFor(() => expect(existsSync(rootDir) || existsSync(socketPath)).toBe(false), 3_000);
  });

  test('can be replaced on the same directory at once', async () => {
    const { rootDir, socketPath } = await temporaryPlace();
    const { engine, pids } = await startEngineProcess(rootDir, socketPath);
    engine.kill('SIGKILL');
    await engine;
    const next = await startEngine({ rootDir, socketPath, command: nothing });
    onTestFinished(() => next.close());
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect(existsSync(rootDir) && existsSync(socketPath)).toBe(true);
  });
});

describe('an engine', () => {
  test('leaves nothing behind when it is closed', async () => {
    const { engine, rootDir, socketPath, run } = await startTestEngine();
    await run('box', 'sleep 100');
    const pid = engine.containers()[0]?.pid ?? 0;
    await Promise.all([engine.close(), engine.close()]);
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(rootDir) || existsSync(socketPath)).toBe(false);
  });

  test('answers the waits of its clients when it is closed', async () => {
    const { engine, docker, run, exitCode } = await startTestEngine();
    await run('box', 'sleep 100');
    const exit = exitCode('box');
    // Connections are accepted in their order: once this one is answered the wait is there.
    await docker('GET', '/_ping');
    const [code] = await Promise.all([exit, engine.close()]);
    expect(code).toEqual({ StatusCode: 137 });
  });

  test('refuses a directory that holds what no engine put there', async () => {
    const { rootDir, socketPath } = await temporaryPlace();
    await mkdir(rootDir);
    await writeFile(join(rootDir, 'precious'), '');
    await expect(startEngine({ rootDir, socketPath, command: nothing })).rejects.toThrow('left alone');
    expect(existsSync(join(rootDir, 'precious'))).toBe(true);
  });

  test('leaves nothing behind when it cannot listen', async () => {
    const { rootDir } = await temporaryPlace();
    const socketPath = join(rootDir, 'no', 'such', 'directory');
    await expect(startEngine({ rootDir, socketPath, command: nothing })).rejects.toThrow(/listen/);
    expect(existsSync(rootDir)).toBe(false);
  });

  test('refuses the directory and the socket of another running engine', async () => {
    const { rootDir, socketPath } = await startTestEngine();
    const elsewhere = await temporaryPlace();
    const command = nothing;
    await expect(startEngine({ rootDir, socketPath: elsewhere.socketPath, command })).rejects.toThrow(
      'another engine',
    );
    await expect(startEngine({ rootDir: elsewhere.rootDir, socketPath, command })).rejects.toThrow(
      'another engine',
    );
  });
});
