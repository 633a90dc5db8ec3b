import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import fc from 'fast-check';
import { folderOf, onDisk } from '../../../container/snapshots/byte-path.ts';
import type { BytePath } from '../../../container/snapshots/byte-path.ts';
import { BRANCH, tryGit, tryRun } from './snapshot-scene.ts';

/** Paths that have been trouble: in each other's way, hard to quote, long, not UTF-8. */
const PATHS: BytePath[] = [
  'README.md',
  'src/index.js',
  'src',
  'a',
  'a/b',
  'a/b/c.txt',
  'deep/er/still.txt',
  'with space.txt',
  Buffer.from('ünïcödé/日本.txt').toString('latin1'),
  'new\nline\ttab',
  '-dash',
  '--help',
  ':(glob)magic*[x]?',
  'quo"te\\back',
  'ends with.lock',
  'x'.repeat(200),
  'not-utf8-\xff\xfe',
  '.hidden/.gitkeep',
  'ignored.log',
  'build/out.bin',
];

const CONTENTS = [
  '',
  'one line\n',
  'one line\r\ntwo\r\n',
  'mixed\r\nends\n',
  'no newline',
  '$Id$\n',
  '$Id: 0123456789012345678901234567890123456789 $\n',
  'a\0binary\xff\xfe\n',
  'version https://git-lfs.github.com/spec/v1\n',
];

const MODES = [0o644, 0o755, 0o600, 0o444, 0o711, 0o664];

const ATTRIBUTES = [
  '* text=auto\n',
  '* text eol=crlf\n',
  '*.txt text eol=lf ident\nREADME.md ident\n',
  '*.txt filter=missing\n',
  'a* working-tree-encoding=UTF-16\n',
  '[attr]own text eol=crlf\n* own\n',
];

const path = fc.constantFrom(...PATHS);
const content = fc.oneof(fc.constantFrom(...CONTENTS), fc.string({ maxLength: 20 }));

const change = fc.record({ kind: fc.constant('write' as const), path, content });
const move = fc.oneof(
  { weight: 8, arbitrary: change },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), path }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rename' as const), path, to: path }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('chmod' as const), path, mode: fc.constantFrom(...MODES) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('link' as const),
      path,
      to: fc.constantFrom('README.md', '..', '/etc', 'a'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('folder' as const), path }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('stage' as const), path }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('stage all' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unstage' as const), path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('intend' as const), path }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const), all: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('ignore' as const),
      rule: fc.constantFrom('*.log\n', 'build/\n', 'a\n*.log\n'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('attributes' as const), text: fc.constantFrom(...ATTRIBUTES) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('flag' as const),
      path,
      flag: fc.constantFrom('--skip-worktree', '--assume-unchanged'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('clash' as const),
      path,
      how: fc.constantFrom('merge', 'rebase', 'cherry-pick', 'revert', 'am'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('switch' as const),
      to: fc.constantFrom('branch', 'detached', 'back'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('push' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('nested' as const), path, commits: fc.boolean() }) },
);

type Move = typeof move extends fc.Arbitrary<infer Value> ? Value : never;

/** What an agent may do in its worktree. */
export const moves: fc.Arbitrary<Move[]> = fc.array(move, { maxLength: 6 });

/** Does one thing as an agent would. What git or the file system refuses is not done. */
export async function make(dir: string, step: Move): Promise<void> {
  switch (step.kind) {
    case 'write':
      return onFiles(() => put(dir, step.path, step.content));
    case 'delete':
      return onFiles(() => rmSync(onDisk(dir, step.path), { recursive: true, force: true }));
    case 'rename':
      return onFiles(() => renameSync(onDisk(dir, step.path), onDisk(dir, step.to)));
    case 'chmod':
      return onFiles(() => {
        const place = onDisk(dir, step.path);
        const look = lstatSync(place);
        if (look.isDirectory()) chmodSync(place, step.mode | 0o700);
        else if (look.isFile()) chmodSync(place, step.mode);
      });
    case 'link':
      return onFiles(() => {
        mkdirSync(onDisk(dir, folderOf(step.path)), { recursive: true });
        symlinkSync(step.to, onDisk(dir, step.path));
      });
    case 'folder':
      return onFiles(() => mkdirSync(onDisk(dir, step.path), { recursive: true }));
    case 'ignore':
      return onFiles(() => writeFileSync(`${dir}/.gitignore`, step.rule));
    case 'attributes':
      return onFiles(() => writeFileSync(`${dir}/.gitattributes`, step.text));
    case 'stage':
      return git(dir, 'add', '--force', '--', literal(step.path));
    case 'stage all':
      return git(dir, 'add', '--all');
    case 'unstage':
      return git(dir, 'rm', '--cached', '--quiet', '-r', '--', literal(step.path));
    case 'intend':
      return git(dir, 'add', '--intent-to-add', '--', literal(step.path));
    case 'commit':
      return git(dir, 'commit', '--quiet', ...(step.all ? ['--all'] : []), '--message', 'by the agent');
    case 'flag':
      return git(dir, 'update-index', step.flag, '--', utf8(step.path));
    case 'clash':
      return clash(dir, step);
    case 'switch':
      return switchTo(dir, step.to);
    case 'push':
      return git(dir, 'push', '--quiet', '--force', 'origin', `HEAD:refs/heads/${BRANCH}`);
    case 'nested':
      return nest(dir, step);
  }
}

async function git(dir: string, ...args: string[]): Promise<void> {
  await tryGit(dir, ...args);
}

function onFiles(work: () => void): void {
  try {
    work();
  } catch (error) {
    // In the way of each other, as paths of a random choice are.
    if (!(error instanceof Error) || !('code' in error)) throw error;
  }
}

function put(dir: string, at: BytePath, text: string): void {
  mkdirSync(onDisk(dir, folderOf(at)), { recursive: true });
  const place = onDisk(dir, at);
  // Not through a link, which may lead out of the worktree.
  if (existsSync(place) && lstatSync(place).isSymbolicLink()) rmSync(place);
  if (!leavesTree(dir, at)) writeFileSync(place, Buffer.from(text, 'latin1'));
}

function leavesTree(dir: string, at: BytePath): boolean {
  for (let folder = folderOf(at); folder !== ''; folder = folderOf(folder)) {
    if (lstatSync(onDisk(dir, folder)).isSymbolicLink()) return true;
  }
  return false;
}

function utf8(at: BytePath): string {
  return Buffer.from(at, 'latin1').toString('utf8');
}

function literal(at: BytePath): string {
  return `:(literal)${utf8(at)}`;
}

/** How two branches meet; one shell for all of it, because each start of a process from here costs milliseconds. */
const MEET: Readonly<Record<string, string>> = {
  merge: 'git merge theirs',
  rebase: 'git rebase theirs',
  'cherry-pick': 'git cherry-pick theirs',
  revert: 'git revert --no-edit ours~1 ours',
  am: 'git rebase --apply theirs',
};

/** Two commits that change the same file in different ways meet. */
async function clash(dir: string, { path: at, how }: { path: BytePath; how: string }): Promise<void> {
  const script = `
    git commit -qa --allow-empty -m 'before the clash' || exit 0
    back=$(git symbolic-ref -q --short HEAD)
    git branch -f theirs
    put() { printf '%s side\\n' "$1" > "$FILE"; git add -f -- "$FILE"; git commit -q --allow-empty -m "$1"; }
    put our && git tag -f ours && git checkout -q theirs && put their && git checkout -q \${back:---detach ours}
    ${MEET[how] ?? ''}`;
  if (existsSync(onDisk(dir, folderOf(at))) && !leavesTree(dir, at)) {
    await tryRun(dir, script, { FILE: `./${utf8(at)}` });
  }
}

async function switchTo(dir: string, to: 'branch' | 'detached' | 'back'): Promise<void> {
  if (to === 'branch') return git(dir, 'checkout', '--quiet', '-b', 'a-branch-of-its-own');
  if (to === 'detached') return git(dir, 'checkout', '--quiet', '--detach');
  return git(dir, 'checkout', '--quiet', BRANCH);
}

async function nest(dir: string, { path: at, commits }: { path: BytePath; commits: boolean }): Promise<void> {
  if (at === 'src' || existsSync(onDisk(dir, at))) return;
  const name = utf8(at);
  if (!(await tryGit(dir, 'init', '--quiet', '--template=', '--', name))) return;
  if (commits) await tryGit(`${dir}/${name}`, 'commit', '--quiet', '--allow-empty', '--message', 'inside');
}
