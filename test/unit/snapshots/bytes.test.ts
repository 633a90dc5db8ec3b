import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { observe } from './observe.ts';
import { agentGit, SnapshotScene, write } from './snapshot-scene.ts';
import type { Life } from './snapshot-scene.ts';

let scene: SnapshotScene;
let life: Life;
beforeEach(async () => {
  scene = new SnapshotScene();
  life = await scene.begin();
});
afterEach(() => scene.remove());

const CRLF = 'one\r\ntwo\r\n';
const MIXED = 'one\r\ntwo\n';
const IDENT = '$Id$ $Id: 1234 $\n';

test.each([
  ['text=auto', '* text=auto\n', { 'a.txt': CRLF, 'b.txt': MIXED }],
  ['eol=lf', '* text eol=lf\n', { 'a.txt': CRLF }],
  ['eol=crlf', '* text eol=crlf\n', { 'a.txt': 'one\ntwo\n', 'b.txt': CRLF }],
  ['the old crlf attribute', '* crlf\n', { 'a.txt': CRLF }],
  ['ident', '* ident\n', { 'a.txt': IDENT }],
  [
    'working-tree-encoding',
    '*.txt working-tree-encoding=UTF-16\n',
    { 'a.txt': 'not UTF-16', 'b.txt': 'ÿþa\0' },
  ],
  ['a required filter that is missing', '* filter=gone\n', { 'a.txt': 'one\n' }],
  ['a macro', '[attr]own text eol=crlf ident\n* own\n', { 'a.txt': MIXED + IDENT }],
])('%s changes no byte of staged, committed or untracked files', async (_, attributes, files) => {
  const { dir } = life;
  const asBytes = Object.entries(files).map(([name, text]): [string, Buffer] => [
    name,
    Buffer.from(text, 'latin1'),
  ]);
  for (const [name, bytes] of asBytes) write(dir, { [name]: bytes, [`committed/${name}`]: bytes });
  agentGit(dir, 'add', 'committed');
  agentGit(dir, 'commit', '--quiet', '--message', 'before the attributes');
  write(dir, { '.gitattributes': attributes });
  agentGit(life.repo, 'config', 'core.autocrlf', 'true');
  agentGit(life.repo, 'config', 'filter.gone.required', 'true');
  agentGit(life.repo, 'config', 'filter.gone.clean', 'false');
  const { life: next, captured } = await scene.carryOver(life);
  for (const [name, bytes] of asBytes) {
    expect(readFileSync(join(next.dir, name))).toEqual(bytes);
    expect(readFileSync(join(next.dir, 'committed', name))).toEqual(bytes);
    const blob = agentGit(life.repo, 'rev-parse', `${captured.commit}:${name}`);
    expect(blob).toBe(agentGit(dir, 'hash-object', '--no-filters', name));
  }
});

test('a file that git converted at checkout comes back with the bytes and the status that it had', async () => {
  const { dir } = life;
  write(dir, { '.gitattributes': '*.crlf text eol=crlf\n*.id ident\n', 'a.crlf': CRLF, 'b.id': '$Id$\n' });
  agentGit(dir, 'add', '--all');
  agentGit(dir, 'commit', '--quiet', '--message', 'converted');
  agentGit(dir, 'rm', '--quiet', '--cached', 'a.crlf', 'b.id');
  agentGit(dir, 'checkout', '--quiet', '--force', 'HEAD', '--', 'a.crlf', 'b.id');
  const before = await observe(dir);
  expect(before.files['a.crlf']).toBe(`644 ${CRLF}`);
  expect(before.files['b.id']).toMatch(/\$Id: [0-9a-f]{40} \$/);
  const { life: next } = await scene.carryOver(life);
  expect(await observe(next.dir)).toEqual(before);
});

test('a filter of the repository, git-lfs for one, is never started', async () => {
  const { dir } = life;
  write(dir, { 'kept.bin': 'content, not a pointer\n' });
  agentGit(life.repo, 'config', 'filter.lfs.process', 'touch started');
  agentGit(life.repo, 'config', 'filter.lfs.clean', 'touch started; cat');
  agentGit(life.repo, 'config', 'filter.lfs.smudge', 'touch started; cat');
  agentGit(life.repo, 'config', 'filter.lfs.required', 'true');
  write(dir, { '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n' });
  const captured = await life.captured();
  expect(agentGit(life.repo, 'show', `${captured.commit}:kept.bin`)).toBe('content, not a pointer\n');
  expect(captured.meta.leftOut).toEqual([]);
  expect(agentGit(life.repo, 'ls-tree', '--name-only', captured.commit)).not.toContain('started');
});
