import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { homeDir } from '../../../container/agents/places.ts';
import { KnownSecrets } from '../../../container/known-secrets.ts';
import { AGENT, agentGit, RIG, SnapshotScene, write } from './snapshot-scene.ts';
import type { Life } from './snapshot-scene.ts';

const CLAUDE = '.claude/projects/-work/5ab2.jsonl';
const OPENCODE = '.local/share/opencode/opencode.db';

let scene: SnapshotScene;
let life: Life;
beforeEach(async () => {
  scene = new SnapshotScene();
  life = await scene.begin();
});
afterEach(() => scene.remove());

const homeOf = ({ git }: Life): string => homeDir(git.workspace, RIG, AGENT);
const read = (one: Life, path: string): string => readFileSync(join(homeOf(one), path), 'latin1');

/** Text in which no two chunks are equal. */
function conversation(bytes: number): string {
  let text = '';
  for (let n = 0; text.length < bytes; n += 1) text += `{"message":${n}}\n`;
  return text;
}

/** The chunks of a snapshot's session. */
function chunksOf({ state }: { state: string }): string[] {
  return agentGit(life.repo, 'ls-tree', '-r', state, 'home/').trimEnd().split('\n');
}

test('the conversations of an agent come back with its work, byte for byte, and for it alone to read', async () => {
  const session = {
    [CLAUDE]: conversation(700_000),
    '.claude/projects/-work/subagents/ö.jsonl': 'short\n',
    '.codex/sessions/2026/01/02/rollout.jsonl': '',
    '.local/share/gt/session/own.txt': '\0\r\nany bytes\xff',
  };
  write(
    homeOf(life),
    Object.fromEntries(Object.entries(session).map(([path, text]) => [path, Buffer.from(text, 'latin1')])),
  );
  write(life.dir, { 'work.txt': 'work\n' });
  const { life: next, report } = await scene.carryOver(life);
  expect(report.warnings).toEqual([]);
  for (const [path, text] of Object.entries(session)) expect(read(next, path), path).toBe(text);
  expect(statSync(join(homeOf(next), CLAUDE)).mode & 0o777).toBe(0o600);
});

test('a database comes back as it was after its last whole transaction, while its tool goes on writing', async () => {
  write(homeOf(life), { '.local/share/opencode/log/opencode.log': 'not a session\n' });
  const tool = new DatabaseSync(join(homeOf(life), OPENCODE));
  try {
    tool.exec('PRAGMA journal_mode = WAL; CREATE TABLE message (text); BEGIN');
    const insert = tool.prepare('INSERT INTO message VALUES (?)');
    for (let n = 0; n < 1000; n += 1) insert.run(`message ${n} ${'.'.repeat(500)}`);
    tool.exec('COMMIT; BEGIN');
    insert.run('half done');
    const { life: next } = await scene.carryOver(life);
    tool.exec('COMMIT');
    const back = new DatabaseSync(join(homeOf(next), OPENCODE));
    expect(back.prepare('SELECT count(*) AS n FROM message').get()).toEqual({ n: 1000 });
    expect(back.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    back.close();
    expect(existsSync(join(homeOf(next), '.local/share/opencode/log'))).toBe(false);
  } finally {
    tool.close();
  }
});

test('a conversation that went on is a change, and adds only what is new of it', async () => {
  write(homeOf(life), { [CLAUDE]: conversation(1_000_000) });
  const first = await life.captured();
  const next = { previous: first.fingerprint, seq: 2 };
  expect(first.pristine).toBe(false);
  // Written too shortly before to be sure of its stamp: looked at once more, and found to be the same.
  expect(await life.capture(next)).toBeNull();
  expect(await life.capture(next)).toBeNull();
  appendFileSync(join(homeOf(life), CLAUDE), 'one more\n');
  const second = await life.captured(next);
  const before = new Set(chunksOf(first.meta));
  expect(before.size).toBe(4);
  expect(chunksOf(second.meta).filter((chunk) => !before.has(chunk))).toHaveLength(1);
});

test('what is too large of a session is left out and named, the oldest first', async () => {
  write(homeOf(life), { '.claude/projects/-work/old.jsonl': 'o'.repeat(400), [CLAUDE]: 'n'.repeat(300) });
  utimesSync(join(homeOf(life), '.claude/projects/-work/old.jsonl'), 1_000_000, 1_000_000);
  const captured = await life.captured({ limits: { maxSessionBytes: 500 } });
  const reason = "the agent's session would be larger than 500 bytes";
  expect(captured.meta.leftOut).toEqual([{ path: '~/.claude/projects/-work/old.jsonl', reason, bytes: 400 }]);
  const { life: next } = await scene.carry(life, captured);
  expect(read(next, CLAUDE)).toBe('n'.repeat(300));
});

test('a secret that the agent was shown is not in its session any more, wherever it lies in it', async () => {
  const secret = 'sk-planted "secret"';
  const inside = JSON.stringify(secret).slice(1, -1);
  // Across the border of the first two chunks.
  const text = `${'x'.repeat(256 * 1024 - 5)}${secret} ${inside} end`;
  write(homeOf(life), { [CLAUDE]: text });
  const captured = await life.captured({ secrets: new KnownSecrets([secret]) });
  const { life: next } = await scene.carry(life, captured);
  const expected = text.replace(secret, '*'.repeat(secret.length)).replace(inside, '*'.repeat(inside.length));
  expect(read(next, CLAUDE) === expected).toBe(true);
});

test('logins, settings, links and what is not a file are not part of a session', async () => {
  write(homeOf(life), {
    '.local/share/opencode/auth.json': 'login',
    '.claude/.credentials.json': 'login',
    '.codex/auth.json': 'login',
    '.claude/projects/.git/config': 'a repository',
    [CLAUDE]: 'conversation\n',
  });
  symlinkSync('/etc/passwd', join(homeOf(life), '.claude/projects/link.jsonl'));
  execFileSync('mkfifo', [join(homeOf(life), '.claude/projects/fifo.jsonl')]);
  const { meta } = await life.captured();
  expect(chunksOf(meta).map((line) => line.split('\t')[1])).toEqual([`home/${CLAUDE}/000000`]);
});

test('a damaged database keeps nothing else from being saved', async () => {
  write(homeOf(life), { [OPENCODE]: `SQLite format 3\0${'x'.repeat(5000)}`, [CLAUDE]: 'conversation\n' });
  write(life.dir, { 'work.txt': 'work\n' });
  const { life: next, captured } = await scene.carryOver(life);
  expect(captured.meta.leftOut.map(({ path }) => path)).toEqual([`~/${OPENCODE}`]);
  expect(read(next, CLAUDE)).toBe('conversation\n');
  expect(readFileSync(join(next.dir, 'work.txt'), 'utf8')).toBe('work\n');
});

test('a session that is in HOME already stays as it is', async () => {
  write(homeOf(life), { [CLAUDE]: 'old\n' });
  const captured = await life.captured();
  const again = await scene.begin();
  write(homeOf(again), { [CLAUDE]: 'old\nnew\n' });
  const { commit, meta } = captured;
  agentGit(again.repo, 'fetch', '--quiet', life.repo, captured.ref);
  await again.putBack({ commit, meta });
  expect(read(again, CLAUDE)).toBe('old\nnew\n');
});
