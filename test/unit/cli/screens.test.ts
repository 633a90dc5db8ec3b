import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { recoveryScreen } from '../../../cli/screens/recovery.ts';
import { townScreen } from '../../../cli/screens/town.ts';
import { PLAIN, Terminal } from '../../../cli/terminal.ts';
import { faultOf } from '../../../src/contract/errors.ts';
import { agentView, NOW, recoveryView, rigView, townView } from './views.ts';

test('a town is on one screen: container, recovery, rigs, and how safe the work of each agent is', () => {
  const bead = { id: 'fix-1', title: 'Fix the footer', body: '' };
  const snapshot = {
    generation: 3,
    seq: 2,
    at: NOW - 12_000,
    files: 7,
    bytes: 900,
    store: 'r2',
    leftOutCount: 0,
  } as const;
  const working = { status: 'working', bead, branch: 'gt/ada/fix-1' } as const;
  const facts = {
    town: townView(),
    recovery: recoveryView(),
    rigs: [
      rigView(),
      rigView({ rig: 'wiki', state: 'failed', fault: faultOf('git_auth', 'refused\nby the host') }),
    ],
    agents: [
      {
        rig: 'site',
        view: agentView({ ...working, snapshot: { ...snapshot, verifiedAt: NOW } }),
        checkpoint: { seq: 4, at: NOW - 120_000 },
      },
      {
        rig: 'site',
        view: agentView({ ...working, agent: 'bob', atRisk: faultOf('snapshot_store', 'R2 is away') }),
        checkpoint: null,
      },
      {
        rig: 'site',
        view: agentView({
          ...working,
          agent: 'cyd',
          status: 'pending',
          attempts: 2,
          notBefore: NOW + 30_000,
          fault: faultOf('agent_exited', 'exit code 3'),
        }),
        checkpoint: null,
      },
    ],
  };
  expect(townScreen(facts, NOW, PLAIN).join('\n')).toMatchInlineSnapshot(`
    "town       home  lit: all rigs are there
    container  boot 01234567, generation 3, up for 4 min, heard 2 s ago, 3.0 GiB of 8.0 GiB free
    recovery   complete in 2.1 s, 310 ms of it Relight's own, 2 min 58 s ago; generation 3, by boot
                site ready      1 agent; fetch 900 ms, worktree 220 ms

    RIG   STATE   ACTIVE         GIT URL OR REASON
    site  ready   1 of 2 agents  https://git.test/site.git
    wiki  failed  1 of 2 agents  refused by the host (git_auth)

    AGENT     STATUS   BEAD   BRANCH        ATTEMPTS  CHECKPOINT    SNAPSHOT  NOTE
    site/ada  working  fix-1  gt/ada/fix-1  0         #4 2 min ago  12 s ago  Fix the footer
    site/bob  working  fix-1  gt/ada/fix-1  0         -             -         at risk: R2 is away (snapshot_store)
    site/cyd  pending  fix-1  gt/ada/fix-1  2         -             -         again in 30.0 s: exit code 3 (agent_exited)"
  `);
});

test('a dark or degraded town says why', () => {
  const first = (town: ReturnType<typeof townView>): string =>
    townScreen({ town, recovery: null, rigs: [], agents: [] }, NOW, PLAIN)[0] ?? '';
  expect(first(townView({ state: 'dark', boot: null }))).toMatch(/dark: no container has run yet/);
  const fault = faultOf('container_crash_loop', 'it died 4 times');
  expect(first(townView({ state: 'degraded', fault, nextStartAt: NOW + 8_000 }))).toMatch(
    /degraded: it died 4 times \(container_crash_loop\); next start in 8.0 s$/,
  );
});

test('a recovery in full has every phase, and what came back of each agent', () => {
  expect(recoveryScreen(recoveryView(), NOW, PLAIN).join('\n')).toMatchInlineSnapshot(`
    "boot-0123456789abcdef0123456789abcdef
    complete in 2.1 s, 310 ms of it Relight's own, 2 min 58 s ago; generation 3, by boot
     site ready      1 agent; fetch 900 ms, worktree 220 ms

    RIG   AGENT  PHASE     AT     TOOK    ENDED  DETAIL
    site  -      fetch     +0 ms  900 ms  ok
    site  ada    worktree  +0 ms  120 ms  ok
    site  bob    worktree  +0 ms  100 ms  ok

    AGENT     BEAD   BRANCH        HEAD      FROM    SNAPSHOT  NOTE
    site/ada  fix-1  gt/ada/fix-1  aaaaaaaa  remote  restored  the branch moved"
  `);
});

test('what is drawn again takes the place of what was drawn, cut to the screen', () => {
  const stdout = Object.assign(new PassThrough(), { isTTY: true, rows: 4 });
  const terminal = new Terminal({ stdin: new PassThrough(), stdout, stderr: new PassThrough(), env: {} });
  terminal.draw(['one', 'two']);
  terminal.draw(['1', '2', '3', '4']);
  const drawn = String(stdout.read()).split('\u001b[?7l');
  expect(drawn[1]).toBe('one\u001b[K\ntwo\u001b[K\n\u001b[J\u001b[?7h');
  expect(drawn[2]).toBe(
    '\u001b[2A1\u001b[K\n2\u001b[K\n\u001b[2m… 2 more lines\u001b[22m\u001b[K\n\u001b[J\u001b[?7h',
  );
});

test.each([
  ['on a terminal', { isTTY: true }, {}, true],
  ['into a pipe', { isTTY: false }, {}, false],
  ['with NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }, false],
  ['on a dumb terminal', { isTTY: true }, { TERM: 'dumb' }, false],
])('%s there are colours: %s', (_, tty, env, coloured) => {
  const stdout = Object.assign(new PassThrough(), tty);
  const { style } = new Terminal({ stdin: new PassThrough(), stdout, stderr: new PassThrough(), env });
  expect(style('red', 'text') !== 'text').toBe(coloured);
});
