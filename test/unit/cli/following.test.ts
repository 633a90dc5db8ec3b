import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test, vi } from 'vitest';
import { begin, refuse, startFake, TOKEN } from './scene.ts';
import { townView } from './views.ts';

const TOWN = '/api/towns/home';
const LOG = `${TOWN}/rigs/site/agents/ada/log`;
const BOOT = 'f'.repeat(32);
const patiently = { timeout: 15_000, interval: 20 };

const change = (seq: number, state: string): string => {
  const entry = { seq, at: 0, change: { kind: 'town', state, fault: null } };
  return `id: ${seq}\nevent: town\ndata: ${JSON.stringify(entry)}\n\n`;
};

/** Ctrl-C: this process has no other listener for it. */
const interrupt = (): boolean => process.emit('SIGINT');

test('a watch whose stream breaks goes on where it broke, also before anything has changed', async () => {
  const fake = await startFake();
  const ids: (string | undefined)[] = [];
  fake.answer(`GET ${TOWN}`, townView());
  fake.answer(`GET ${TOWN}/rigs`, { rigs: [] });
  fake.answer(`GET ${TOWN}/recoveries/latest`, (_: unknown, response: never) =>
    refuse(response, 'unknown_recovery', 'none'),
  );
  fake.answer(`GET ${TOWN}/events`, ({ headers }: IncomingMessage, response: ServerResponse) => {
    ids.push(headers['last-event-id']?.toString());
    if (ids.length === 1) response.end(': seq 7\n\n');
    else if (ids.length === 2) response.end(change(8, 'recovering'));
    else response.write(change(9, 'lit'));
  });
  const { said, ended } = begin(['status', 'home', '--watch', '--url', fake.url, '--token', TOKEN]);
  await vi.waitFor(() => expect(said.stdout).toContain('town is lit'), patiently);
  interrupt();
  const { exitCode, stdout, stderr } = await ended;
  expect(exitCode).toBe(0);
  expect(ids).toEqual([undefined, '7', '8']);
  expect(stdout.match(/town is \w+/g)).toEqual(['town is recovering', 'town is lit']);
  expect(stderr).toBe('relight: the stream of events has ended; trying again\n'.repeat(2));
});

test('a watch on a terminal is redrawn in place, with what there is by now', async () => {
  const fake = await startFake();
  let write: (text: string) => void = () => undefined;
  fake.answer(`GET ${TOWN}`, townView({ state: 'recovering' }));
  fake.answer(`GET ${TOWN}/rigs`, { rigs: [] });
  fake.answer(`GET ${TOWN}/recoveries/latest`, (_: unknown, response: never) =>
    refuse(response, 'unknown_recovery', 'none'),
  );
  fake.answer(`GET ${TOWN}/events`, (_: unknown, response: ServerResponse) => {
    response.write(': seq 7\n\n');
    write = (text) => void response.write(text);
  });
  const args = ['status', 'home', '--watch', '--url', fake.url, '--token', TOKEN];
  const { said, ended } = begin(args, { tty: true, env: { NO_COLOR: '1' } });
  await vi.waitFor(() => expect(said.stdout).toContain('recovering: a recovery runs'), patiently);
  fake.answer(`GET ${TOWN}`, townView({ state: 'lit' }));
  write(change(8, 'lit'));
  await vi.waitFor(
    () => expect(said.stdout).toMatch(/\u001b\[5Atown {7}home {2}lit: all rigs are there/),
    patiently,
  );
  interrupt();
  expect(await ended).toMatchObject({ exitCode: 0, stderr: '' });
});

test('a log is followed from boot to boot, and waited for while there is no container', async () => {
  const fake = await startFake();
  const part = (call: string, text: string, read: number, skipped = 0): void =>
    fake.answer(`GET ${LOG}/${call}`, { text, next: `${BOOT}-${read}`, skipped });
  part('start', 'one\n', 4);
  let isDark = false;
  fake.answer(`GET ${LOG}/${BOOT}-4`, (_: unknown, response: ServerResponse) => {
    if (isDark) response.end(JSON.stringify({ text: 'two\n', next: `${BOOT}-9`, skipped: 5 }));
    else refuse(response, 'container_not_running', 'the container does not run');
    isDark = true;
  });
  part(`${BOOT}-9`, '', 9);
  const { said, ended } = begin(['log', 'home/site/ada', '-f', '--url', fake.url, '--token', TOKEN]);
  await vi.waitFor(() => expect(said.stdout).toBe('one\ntwo\n'), patiently);
  interrupt();
  const { exitCode, stderr } = await ended;
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(
    /does not run \(container_not_running\); waiting for it\n.*5 B were written too fast/,
  );
});

test('what is followed and then refused is told, and ends', async () => {
  const fake = await startFake();
  fake.answer(`GET ${LOG}/start`, (_: unknown, response: never) =>
    refuse(response, 'unknown_agent', 'no such agent'),
  );
  fake.answer(`GET ${TOWN}/events`, (_: unknown, response: never) =>
    refuse(response, 'unknown_town', 'no such town'),
  );
  for (const args of [
    ['log', 'home/site/ada', '-f'],
    ['status', 'home', '--watch'],
  ]) {
    const { exitCode, stderr } = await begin([...args, '--url', fake.url, '--token', TOKEN]).ended;
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringMatching(/^relight: no such (agent|town) \(unknown_\1\)/),
    ]);
  }
});
