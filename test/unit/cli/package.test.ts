import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const CLI = fileURLToPath(new URL('../../../cli', import.meta.url));
const ESBUILD = fileURLToPath(new URL('../../../node_modules/.bin/esbuild', import.meta.url));
const run = promisify(execFile);

test('the packed program needs nothing beside itself, and runs where Node strips no types', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'relight-package-'));
  onTestFinished(async () => await rm(dir, { recursive: true }));
  await run('npm', ['pack', '--pack-destination', dir], {
    cwd: CLI,
    env: { ...process.env, PATH: `${join(ESBUILD, '..')}:${process.env.PATH}` },
  });
  const [tarball = ''] = await readdir(dir);
  const installed = join(dir, 'node_modules', 'relight');
  await mkdir(installed, { recursive: true });
  await run('tar', [
    '--extract',
    '--strip-components=1',
    '--file',
    join(dir, tarball),
    '--directory',
    installed,
  ]);
  expect((await readdir(installed)).toSorted()).toEqual(['bin', 'dist', 'package.json']);
  const program = [join(installed, 'bin', 'relight.js')];
  const env = { PATH: process.env.PATH, HOME: dir, RELIGHT_TOKEN: 'operator-token' };
  expect((await run(process.execPath, [...program, '--help'], { env })).stdout).toMatch(/^Usage: relight/);
  const status = run(process.execPath, [...program, 'status', '--url', 'http://127.0.0.1:9'], { env });
  await expect(status).rejects.toMatchObject({ code: 69 });
});
