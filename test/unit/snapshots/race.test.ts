import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Captured, Fingerprint } from '../../../container/snapshots/capture.ts';
import { AGENT_ENV, agentGit, SnapshotScene } from './snapshot-scene.ts';

const ROUNDS = 60;

/** Each round changes three files to the same number, commits them, and checks out and merges another branch. */
const AGENT_AT_WORK = `
set -e
n=0
while [ $n -lt ${ROUNDS} ]; do
  n=$((n + 1))
  for name in one two three; do echo $n > $name; done
  git add one two three
  git commit --quiet --message "round $n"
  git checkout --quiet -b side$n
  echo side $n > side
  git add side
  git commit --quiet --message "side $n"
  git checkout --quiet -
  git merge --quiet --no-ff --no-edit side$n
  git status > /dev/null
done
`;

let scene: SnapshotScene;
beforeEach(() => {
  scene = new SnapshotScene();
});
afterEach(() => scene.remove());

test('captures do not disturb an agent that writes and commits all the time, and each is of one moment', async () => {
  const life = await scene.begin();
  const { dir, repo } = life;
  const agent = spawn('sh', ['-c', AGENT_AT_WORK], {
    cwd: dir,
    env: AGENT_ENV,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  agent.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(agent, 'close');
  const taken: Captured[] = [];
  let previous: Fingerprint | null = null;
  for (let seq = 1; agent.exitCode === null; seq += 1) {
    const captured = await life.capture({ seq, previous });
    if (captured === null) continue;
    taken.push(captured);
    previous = captured.fingerprint;
  }
  await ended;
  expect(said).toBe('');
  expect(agent.exitCode).toBe(0);
  expect(agentGit(dir, 'status', '--porcelain')).toBe('');
  expect(agentGit(dir, 'log', '--format=%s', '--first-parent').split('\n')[0]).toBe(
    `Merge branch 'side${ROUNDS}' into gt/ada/b1`,
  );
  expect(agentGit(dir, 'rev-list', '--count', 'HEAD').trim()).toBe(String(1 + 3 * ROUNDS));
  expect(readFileSync(join(dir, 'three'), 'utf8')).toBe(`${ROUNDS}\n`);
  agentGit(repo, 'fsck', '--no-dangling', '--strict');
  expect(taken.length).toBeGreaterThan(5);
  for (const { meta } of taken) expectOneMoment(repo, meta);
});

/** Whatever is staged differs from HEAD only by what the agent was about to commit, never by an older state. */
function expectOneMoment(repo: string, { head, index }: Captured['meta']): void {
  const staged = agentGit(repo, 'diff', '--name-status', String(head.commit), index).trim();
  const numbers = (commit: string): number[] =>
    ['one', 'two', 'three'].map((name) => {
      const listed = agentGit(repo, 'ls-tree', commit, name);
      return listed === '' ? 0 : Number(agentGit(repo, 'show', `${commit}:${name}`));
    });
  const [committed, inIndex] = [numbers(String(head.commit)), numbers(index)];
  expect(new Set(committed).size).toBe(1);
  expect(new Set(inIndex).size).toBe(1);
  expect((inIndex[0] ?? 0) - (committed[0] ?? 0), staged).toBeOneOf([0, 1]);
}
