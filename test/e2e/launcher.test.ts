import { execa } from 'execa';
import getPort from 'get-port';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TownClient, until } from '../../dev/client.ts';
import { PATIENCE_MS } from './world.ts';

/** The temporary folder of what is started, with a short path because of the sockets in it, and another for its state. */
let dir: string;
let stateDir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'rl-'));
  stateDir = await mkdtemp(join(tmpdir(), 'relight-launcher-'));
});
afterEach(async () => {
  for (const each of [dir, stateDir]) await rm(each, { recursive: true, force: true });
});

function npmStart(port: number, env: Record<string, string> = {}) {
  return execa(process.execPath, ['dev/start.ts'], {
    env: {
      PORT: String(port),
      RELIGHT_STATE_DIR: stateDir,
      TMPDIR: dir,
      RELIGHT_ADMIN_TOKEN: 'operator',
      ...env,
    },
    reject: false,
    all: true,
  });
}

describe('npm start', () => {
  it('says in a sentence that the port is in use, and exits with 1', async () => {
    const port = await getPort();
    const other = createServer().listen(port, '127.0.0.1');
    const { exitCode, stderr } = await npmStart(port);
    other.close();
    expect(exitCode).toBe(1);
    expect(stderr).toBe(`Port ${port} is in use; set PORT to a free one.`);
  });

  it('says in a sentence that git is missing, and exits with 1', async () => {
    const { exitCode, stderr } = await npmStart(await getPort(), { PATH: dir });
    expect(exitCode).toBe(1);
    expect(stderr).toBe('Relight needs git, and there is none on the PATH.');
  });

  it('leaves no process and no temporary directory behind after Ctrl-C', async () => {
    const port = await getPort();
    const started = npmStart(port);
    const lines: string[] = [];
    started.all.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
    await until('relight is ready', PATIENCE_MS, () =>
      Promise.resolve(lines.join('').includes(`relight ready at http://127.0.0.1:${port}`) ? true : null),
    );
    const town = new TownClient(`http://127.0.0.1:${port}`, 'operator', 'here');
    await town.call('PUT', '', {});
    await town.call('POST', '/container', { action: 'start' });
    const mark = (await readdir(dir)).find((name) => name.startsWith('relight-'));
    expect(mark).toBeDefined();
    expect(await processesOf(mark ?? '')).not.toEqual([]);
    started.kill('SIGINT');
    expect((await started).exitCode).toBe(0);
    expect(await readdir(dir)).toEqual([]);
    expect(await processesOf(mark ?? '')).toEqual([]);
  });
});

/** The processes that carry the engine's mark in their environment; only Linux can tell. */
async function processesOf(mark: string): Promise<string[]> {
  if (!existsSync('/proc/self/environ')) return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const marked = await Promise.all(
    pids.map(async (pid) => {
      try {
        return (await readFile(`/proc/${pid}/environ`, 'utf8')).includes(
          `RELIGHT_CONTAINER=${join(dir, mark)}`,
        );
      } catch (error) {
        if (error instanceof Error && 'code' in error) return false; // It ended while we looked.
        throw error;
      }
    }),
  );
  return pids.filter((_, at) => marked[at]);
}
