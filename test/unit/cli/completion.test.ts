import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { begin, type FakeRelight, startFake, TOKEN } from './scene.ts';
import { agentView, rigView } from './views.ts';

const PROGRAM = fileURLToPath(new URL('../../../cli/bin/relight.js', import.meta.url));

async function startNamed(): Promise<FakeRelight> {
  const fake = await startFake();
  fake.answer('GET /api/towns', { towns: ['home', 'hotel', 'office'] });
  fake.answer('GET /api/towns/home/rigs', { rigs: [rigView(), rigView({ rig: 'wiki' })] });
  fake.answer('GET /api/towns/home/rigs/site/agents', { agents: [agentView(), agentView({ agent: 'bob' })] });
  return fake;
}

/** What a shell is told when the words stand there and the tab key is pressed. */
async function completed({ url }: Pick<FakeRelight, 'url'>, ...words: string[]): Promise<string> {
  const global = ['--url', url, '--token', TOKEN];
  const { exitCode, stdout, stderr } = await begin(['complete', '--', ...global, ...words]).ended;
  expect([exitCode, stderr]).toEqual([0, '']);
  return stdout
    .split('\n')
    .map((line) => line.split('\t')[0])
    .join(' ')
    .trim();
}

test('commands, options and their values are completed', async () => {
  const fake = await startFake();
  expect(await completed(fake, 're')).toBe('recovery replay');
  expect(await completed(fake, 'recovery', '')).toBe('ls show help');
  expect(await completed(fake, 'replay', 'home', '--')).toBe('--rig --watch --url --token --json');
  expect(await completed(fake, 'rig', 'put', 'home/site', '--history', 's')).toBe('shallow');
  expect(await completed(fake, 'completion', '')).toBe('bash zsh fish');
  expect(fake.asked).toEqual([]);
});

test('names of towns, rigs and agents are completed, a part at a time', async () => {
  const fake = await startNamed();
  expect(await completed(fake, 'status', 'ho')).toBe('home hotel');
  expect(await completed(fake, 'log', 'home')).toBe('home/');
  expect(await completed(fake, 'log', '-f', 'home/s')).toBe('home/site/');
  expect(await completed(fake, 'log', 'home/site/')).toBe('home/site/ada home/site/bob');
  expect(await completed(fake, 'rig', 'rm', 'home/')).toBe('home/site home/wiki');
  expect(await completed(fake, 'replay', 'home', '--rig', '')).toBe('site wiki');
});

test('nothing is said where Relight cannot be asked', async () => {
  expect(await completed({ url: 'http://127.0.0.1:9' }, 'status', '')).toBe('');
  expect(await completed({ url: 'no address' }, 'log', 'home/')).toBe('');
  const fake = await startFake();
  fake.answer('GET /api/towns', '<html>');
  expect(await completed(fake, 'status', '')).toBe('');
});

test('bash completes with the script that is printed for it', async () => {
  const fake = await startNamed();
  const dir = await mkdtemp(join(tmpdir(), 'relight-completion-'));
  onTestFinished(async () => await rm(dir, { recursive: true }));
  const press = `
    relight() { "${process.execPath}" "${PROGRAM}" "$@"; }
    source <(relight completion bash)
    compopt() { printf '%s ' with "$@"; echo; }
    press() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _relight; echo "\${COMPREPLY[@]}"; }
    press relight --url ${fake.url.split(':').join(' : ')} log home/s
    press relight replay home --rig ''
    press relight town s`;
  const env = {
    PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
    HOME: dir,
    RELIGHT_URL: fake.url,
    RELIGHT_TOKEN: TOKEN,
  };
  const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', press], { env });
  expect(stdout).toBe('with -o nospace \nhome/site/\nsite wiki\nshow start stop\n');
});
