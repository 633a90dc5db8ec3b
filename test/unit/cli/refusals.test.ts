import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { begin, refuse, run, startFake, TOKEN } from './scene.ts';
import { agentView } from './views.ts';

const ADA = '/api/towns/home/rigs/site/agents/ada';

test('a refusal is one sentence with its code and what to do', async () => {
  const fake = await startFake();
  fake.answer(`GET ${ADA}`, (_: unknown, response: never) =>
    refuse(response, 'unknown_agent', 'the rig has no agent ada'),
  );
  const refused = await run(fake, ['agent', 'show', 'home/site/ada']);
  const sentence =
    'the rig has no agent ada (unknown_agent); relight agent ls lists the agents, relight agent put adds one';
  expect(refused).toEqual({ exitCode: 1, stdout: '', stderr: `relight: ${sentence}\n` });
  const asJson = await run(fake, ['agent', 'show', 'home/site/ada', '--json']);
  expect(JSON.parse(asJson.stdout)).toMatchObject({ code: 'unknown_agent', status: 404 });
  expect(asJson).toMatchObject({ exitCode: 1, stderr: `relight: ${sentence}\n` });
});

test('one that names fields is one line all the same, and one that may pass says so', async () => {
  const fake = await startFake();
  fake.answer(`PUT ${ADA}/hook`, (_: unknown, response: never) =>
    refuse(response, 'invalid_request', '✖ Invalid input\n  → at bead.id'),
  );
  const args = ['sling', 'home/site/ada', '--bead', '?', '--title', 't'];
  expect((await run(fake, args)).stderr).toBe('relight: Invalid input → at bead.id (invalid_request)\n');
  fake.answer(`GET ${ADA}/log`, (_: unknown, response: never) =>
    refuse(response, 'control_unreachable', 'no answer'),
  );
  expect((await run(fake, ['log', 'home/site/ada'])).stderr).toBe(
    'relight: no answer (control_unreachable); it may pass, so try again\n',
  );
});

test.each([
  ['nobody listens', 'http://127.0.0.1:9', null],
  ['something else answers', null, '<html>hello</html>'],
  ['another version of Relight answers', null, '{"agent": 7}'],
])('where %s the exit code is 69, and the token stays unsaid', async (_, elsewhere, answer) => {
  const fake = await startFake();
  fake.answer(`GET ${ADA}`, answer);
  const ended = await begin([
    'agent',
    'show',
    'home/site/ada',
    '--url',
    elsewhere ?? fake.url,
    '--token',
    TOKEN,
  ]).ended;
  expect(ended).toMatchObject({ exitCode: 69, stdout: '' });
  expect(ended.stderr).toMatch(/^relight: [^\n]+ \(unreachable\); check --url or RELIGHT_URL\n$/);
  expect(ended.stderr).not.toContain(TOKEN);
});

test.each([
  ['a command that is none', ['stauts'], /unknown command 'stauts' \(Did you mean status\?\)/],
  ['an option that is none', ['status', '--wacth'], /unknown option '--wacth'/],
  [
    'a missing argument',
    ['kill'],
    /missing required argument 'TOWN'.*\nUsage: relight kill \[options\] <TOWN>/,
  ],
  ['a town in the place of an agent', ['log', 'home'], /write TOWN\/RIG\/AGENT, not home/],
  ['a name that is none', ['status', '../etc'], /write TOWN, not/],
  ['a name with an escape', ['status', 'ho%6De'], /ho%6De is no name: it must be/],
  ['a number that is none', ['town', 'put', 'home', '--drain-seconds', 'ten'], /It is no whole number/],
  ['a token with a line end', ['status', '--token', `${TOKEN}\nmore`], /the token is no token/],
  [
    'a password in the address',
    ['status', '--url', `http://me:${TOKEN}@127.0.0.1`, '--token', TOKEN],
    /hold a password/,
  ],
  ['an address that is none', ['status', '--url', 'relight', '--token', TOKEN], /no http or https address/],
])('%s is wrong use, told without a stack trace or the token', async (_, args, sentence) => {
  const { exitCode, stdout, stderr } = await begin([
    ...args,
    ...(args.includes('--token') ? [] : ['--token', TOKEN]),
  ]).ended;
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(sentence);
  expect(stderr).toMatch(/^relight: .*\(usage\)/);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(stderr).not.toContain(TOKEN);
});

test('what Relight says cannot take over the terminal, and what an agent writes keeps no more than its colours', async () => {
  const fake = await startFake();
  const bead = { id: 'fix-1', title: 'a \u001b]0;title\u0007 b', body: '' };
  fake.answer(`GET ${ADA}`, agentView({ bead, branch: 'b' }));
  expect((await run(fake, ['agent', 'show', 'home/site/ada'], { tty: true })).stdout).toContain(
    'a ]0;title b',
  );
  const output = 'a \u001b[31mred\u001b[0m\u001b[2J\u001b]0;title\u0007\u001bc b\r\n';
  fake.answer(`GET ${ADA}/log`, output);
  const shown = await run(fake, ['log', 'home/site/ada'], { tty: true });
  expect(shown.stdout).toBe('a \u001b[31mred\u001b[0m b\r\n');
  expect((await run(fake, ['log', 'home/site/ada'])).stdout).toBe(output);
});

test.runIf(process.platform === 'linux')(
  'a token among the arguments is not in the list of processes',
  async () => {
    const fake = await startFake();
    fake.answer('GET /api/towns', () => undefined);
    const program = fileURLToPath(new URL('../../../cli/bin/relight.js', import.meta.url));
    const child = spawn(process.execPath, [program, 'town', 'ls', '--url', fake.url, '--token', TOKEN]);
    onTestFinished(() => void child.kill());
    await vi.waitFor(() => expect(fake.asked).toHaveLength(1), { timeout: 15_000 });
    const shown = await readFile(`/proc/${child.pid}/cmdline`, 'utf8');
    expect(shown).toMatch(/^relight/);
    expect(shown).not.toContain(TOKEN);
  },
);
