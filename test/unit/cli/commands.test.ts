import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { begin, refuse, run, startFake, TOKEN } from './scene.ts';
import { agentView, recoveryView, rigView, townView } from './views.ts';

const TOWN = '/api/towns/home';
const ADA = `${TOWN}/rigs/site/agents/ada`;

test('a put changes what is given, and leaves the rest as it is', async () => {
  const fake = await startFake();
  fake.answer(`GET ${TOWN}`, townView({ agentCommand: 'kilo', agentSecrets: { KEY: 'ACME' } }));
  fake.answer(`PUT ${TOWN}`, townView());
  const done = await run(fake, ['town', 'put', 'home', '--drain-seconds', '5', '--agent-command', '']);
  expect(done).toEqual({ exitCode: 0, stdout: 'home is changed\n', stderr: '' });
  expect(fake.asked.at(-1)?.body).toEqual({
    agentCommand: null,
    agentSecrets: { KEY: 'ACME' },
    snapshotIntervalSeconds: 10,
    snapshotStore: null,
    maxSnapshotFileBytes: 52_428_800,
    drainSeconds: 5,
  });
  await run(fake, ['town', 'put', 'home', '--agent-secrets', 'A=ONE', '--agent-secrets', 'B=TWO']);
  expect(fake.asked.at(-1)?.body).toMatchObject({
    agentCommand: 'kilo',
    agentSecrets: { A: 'ONE', B: 'TWO' },
  });
});

test('a put makes what is not there, with what is given alone', async () => {
  const fake = await startFake();
  const rig = `${TOWN}/rigs/site`;
  fake.answer(`GET ${rig}`, (_: unknown, response: never) => refuse(response, 'unknown_rig', 'no such rig'));
  expect(await run(fake, ['rig', 'put', 'home/site'])).toMatchObject({
    exitCode: 2,
    stderr: 'relight: a new rig needs --git-url (usage)\n',
  });
  fake.answer(`PUT ${rig}`, rigView());
  const args = [
    'rig',
    'put',
    'home/site',
    '--git-url',
    'https://git.test/site.git',
    '--sparse',
    'a',
    '--sparse',
    'b',
  ];
  expect((await run(fake, args)).stdout).toBe('home/site is registered\n');
  expect(fake.asked.at(-1)?.body).toEqual({ gitUrl: 'https://git.test/site.git', sparse: ['a', 'b'] });
});

test('a sling takes the text of its bead from the argument, standard input or a file', async () => {
  const fake = await startFake();
  const bead = { id: 'fix-1', title: 'Fix', body: '' };
  fake.answer(`PUT ${ADA}/hook`, agentView({ status: 'pending', bead, branch: 'gt/ada/fix-1' }));
  const file = join(tmpdir(), `relight-bead-${process.pid}.md`);
  await writeFile(file, 'from a file');
  onTestFinished(async () => await rm(file));
  for (const [argument, body] of [
    ['as it is', 'as it is'],
    ['-', 'from the input'],
    [`@${file}`, 'from a file'],
  ] as const) {
    const args = ['sling', 'home/site/ada', '--bead', 'fix-1', '--title', 'Fix', '--body', argument];
    expect((await run(fake, args, { stdin: 'from the input' })).exitCode).toBe(0);
    expect(fake.asked.at(-1)?.body).toEqual({ bead: { id: 'fix-1', title: 'Fix', body } });
  }
});

test('a sling with a repository adds the rig and the agent that are missing, and leaves others alone', async () => {
  const fake = await startFake();
  const [rig, missing] = [
    `${TOWN}/rigs/site`,
    (code: 'unknown_rig' | 'unknown_agent') => {
      return (_: unknown, response: never) => refuse(response, code, 'missing');
    },
  ];
  const bead = { id: 'fix-1', title: 'Fix', body: '' };
  const args = ['sling', 'home/site/ada', '--bead', 'fix-1', '--title', 'Fix'];
  const url = 'https://git.test/site.git';
  for (const call of [`PUT ${ADA}`, `PUT ${ADA}/hook`]) fake.answer(call, agentView({ bead, branch: 'b' }));
  fake.answer(`PUT ${rig}`, rigView());
  fake.answer(`GET ${rig}`, missing('unknown_rig'));
  fake.answer(`GET ${ADA}`, missing('unknown_agent'));
  expect((await run(fake, [...args, '--git-url', url])).exitCode).toBe(0);
  const puts = () => fake.asked.filter(({ call }) => call.startsWith('PUT'));
  expect(puts().map(({ call }) => call)).toEqual([`PUT ${rig}`, `PUT ${ADA}`, `PUT ${ADA}/hook`]);
  expect(puts()[0]?.body).toEqual({ gitUrl: url });
  fake.answer(`GET ${rig}`, rigView({ gitUrl: url }));
  fake.answer(`GET ${ADA}`, agentView());
  expect((await run(fake, [...args, '--git-url', url])).exitCode).toBe(0);
  expect(
    puts()
      .map(({ call }) => call)
      .slice(3),
  ).toEqual([`PUT ${ADA}/hook`]);
  const other = await run(fake, [...args, '--git-url', 'https://git.test/other.git']);
  expect(other).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(`the rig is at ${url}`) });
});

test('an operator is made with a token on standard output alone, listed and revoked', async () => {
  const fake = await startFake();
  const view = { name: 'ines', createdAt: Date.UTC(2026, 0, 2), lastUsedAt: null };
  fake.answer('POST /api/operators', { ...view, token: 'shown-once' });
  fake.answer('GET /api/operators', { operators: [view] });
  fake.answer('DELETE /api/operators/ines', null);
  expect(await run(fake, ['operator', 'add', 'ines'])).toEqual({
    exitCode: 0,
    stdout: 'shown-once\n',
    stderr: '',
  });
  expect(fake.asked.at(-1)?.body).toEqual({ name: 'ines' });
  expect((await run(fake, ['operator', 'ls'])).stdout).toMatch(/ines +2026-01-02T00:00 +never/);
  expect((await run(fake, ['operator', 'rm', 'ines', '--yes'])).stdout).toBe('ines is revoked\n');
  expect((await run(fake, ['operator', 'add', 'root'])).exitCode).toBe(2);
});

test('a sling without a bead resumes an agent with the one that it has', async () => {
  const fake = await startFake();
  const bead = { id: 'fix-1', title: 'Fix', body: 'all of it' };
  fake.answer(`GET ${ADA}`, agentView({ status: 'failed', bead, branch: 'gt/ada/fix-1' }));
  fake.answer(`PUT ${ADA}/hook`, agentView({ status: 'pending', bead, branch: 'gt/ada/fix-1' }));
  expect((await run(fake, ['sling', 'home/site/ada'])).exitCode).toBe(0);
  expect(fake.asked.at(-1)).toEqual({ call: `PUT ${ADA}/hook`, body: { bead } });
});

test.each([
  [['town', 'rm', 'home'], `DELETE ${TOWN}`, { left: [] }],
  [['town', 'stop', 'home'], `POST ${TOWN}/container`, townView()],
  [['kill', 'home'], `POST ${TOWN}/container`, townView()],
  [['rig', 'rm', 'home/site'], `DELETE ${TOWN}/rigs/site`, { left: [] }],
  [['agent', 'rm', 'home/site/ada'], `DELETE ${ADA}`, null],
  [['unsling', 'home/site/ada'], `DELETE ${ADA}/hook`, null],
])('%j is not done before somebody is sure of it', async (args, call, answer) => {
  const fake = await startFake();
  fake.answer(call, answer);
  expect(await run(fake, args)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('say --yes') });
  expect(fake.asked).toEqual([]);
  expect((await run(fake, [...args, '--yes'])).exitCode).toBe(0);
  expect(fake.asked.map((each) => each.call)).toEqual([call]);
});

test.each([
  [['town', 'rm', 'home'], `DELETE ${TOWN}`],
  [['rig', 'rm', 'home/site'], `DELETE ${TOWN}/rigs/site`],
])('%j says what it could not remove with it', async (args, call) => {
  const fake = await startFake();
  const fault = { code: 'git_auth', reason: 'the git remote answered 401', retryable: false };
  fake.answer(call, { left: [{ rig: 'site', fault }] });
  const { stdout } = await run(fake, [...args, '--yes']);
  expect(stdout).toBe(
    `${args[2]} is removed\n` +
      'snapshots may be left on the remote of site: the git remote answered 401 (git_auth); `git ls-remote` shows them\n',
  );
});

test.each([
  [['agent', 'show', 'home/site/ada'], `GET ${ADA}`, agentView()],
  [['town', 'start', 'home'], `POST ${TOWN}/container`, townView()],
  [['agent', 'snapshot', 'home/site/ada'], `POST ${ADA}/snapshots`, {}],
  [['recovery', 'show', 'home'], `GET ${TOWN}/recoveries/latest`, recoveryView()],
  [['recovery', 'ls', 'home'], `GET ${TOWN}/recoveries`, { recoveries: [recoveryView()] }],
  [['agent', 'checkpoints', 'home/site/ada'], `GET ${ADA}/checkpoints`, { checkpoints: [] }],
])('%j prints exactly what the API answered with --json', async (args, call, answer) => {
  const fake = await startFake();
  const text = JSON.stringify({ ...answer, 'not known': '\u001b[31m' });
  fake.answer(call, text);
  expect(await run(fake, [...args, '--json'])).toEqual({ exitCode: 0, stdout: `${text}\n`, stderr: '' });
  const plain = await run(fake, args);
  expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
  expect(plain.stdout).not.toBe(`${text}\n`);
});

test.each([
  ['complete', 0],
  ['partial', 3],
  ['failed', 1],
  ['superseded', 1],
] as const)('a watched replay that ends %s has the exit code %i', async (status, exitCode) => {
  const fake = await startFake();
  const { recoveryId } = recoveryView();
  const lines = {
    complete: /^complete in 2.1 s/m,
    partial: /^partial/m,
    failed: /^failed/m,
    superseded: /^superseded/m,
  };
  fake.answer(`POST ${TOWN}/recoveries`, { recoveryId });
  fake.answer(`GET ${TOWN}/recoveries/${recoveryId}`, recoveryView({ status }));
  fake.answer(`GET ${TOWN}/events`, (_: unknown, response: { write: (text: string) => void }) =>
    response.write(': seq 1\n\n'),
  );
  const ended = await run(fake, ['replay', 'home', '--rig', 'site', '--watch']);
  expect(ended.exitCode).toBe(exitCode);
  expect(ended.stdout).toMatch(lines[status]);
  expect(fake.asked.map(({ call }) => call).slice(0, 2)).toEqual([
    `GET ${TOWN}/events`,
    `POST ${TOWN}/recoveries`,
  ]);
  expect(fake.asked[1]?.body).toEqual({ rigs: ['site'] });
});

test('on a terminal somebody is asked, and only a yes is one', async () => {
  const fake = await startFake();
  fake.answer(`DELETE ${TOWN}`, { left: [] });
  const declined = await run(fake, ['town', 'rm', 'home'], { tty: true, stdin: 'n\n' });
  expect(declined).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('nothing was done (declined)'),
  });
  expect(declined.stderr).toContain('Remove home with its rigs, agents, checkpoints and snapshots? [y/N]');
  expect(fake.asked).toEqual([]);
  expect((await run(fake, ['town', 'rm', 'home'], { tty: true, stdin: 'y\n' })).stdout).toBe(
    'home is removed\n',
  );
});

test('a town is restored from the archive that was printed of it', async () => {
  const fake = await startFake();
  const archive = JSON.stringify({ format: 'relight-town-1', town: 'home' });
  fake.answer(`GET ${TOWN}/archive`, archive);
  fake.answer(`PUT ${TOWN}/archive`, townView());
  const { stdout } = await run(fake, ['town', 'archive', 'home']);
  expect(stdout).toBe(`${archive}\n`);
  const restored = await run(fake, ['town', 'restore', 'home', '-'], { stdin: stdout });
  expect(restored).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^home is restored, /), stderr: '' });
  expect(fake.asked.at(-1)).toEqual({ call: `PUT ${TOWN}/archive`, body: JSON.parse(archive) });
  expect((await run(fake, ['town', 'restore', 'home', '-'], { stdin: '<html>' })).exitCode).toBe(2);
});

test('the token may come from standard input', async () => {
  const fake = await startFake();
  fake.answer('GET /api/towns', { towns: ['home'] });
  const { ended } = begin(['town', 'ls', '--url', fake.url, '--token', '-'], { stdin: `${TOKEN}\n` });
  expect(await ended).toMatchObject({ exitCode: 0, stdout: 'home\n' });
});
