import type { Action } from './actions.ts';
import { between, oneOf } from '../../dev/random.ts';
import type { Random } from '../../dev/random.ts';

/** Where writers write: few places, so that each is changed again and again, in folders that come and go. */
const PATHS = [
  'notes.md',
  'todo.txt',
  'with space.txt',
  '.hidden',
  'lib/one.ts',
  'lib/two.ts',
  'lib/deep/three.ts',
  'lib/deep/er/four.ts',
  'out/five.json',
  'out/six.json',
  'ünïcode/seven.txt',
  'z',
];

/** How often each kind is chosen, as shares of their sum; a thirtieth of the commits is pushed. */
const SHARES: Readonly<Record<Action['kind'], number>> = {
  write: 24,
  replace: 10,
  append: 20,
  delete: 6,
  rename: 6,
  stage: 12,
  'stage all': 6,
  commit: 15,
  push: 0.5,
};

const FEW_LINES = 60;
/** Enough for the reading and the writing of the file to take several turns. */
const MANY_LINES = 12_000;
const MANY_ONCE_IN = 40;

/** Chooses what a writer does next, for a worktree in which of its places those that `exists` says hold a file. */
export function chooseAction(random: Random, exists: (path: string) => boolean): Action {
  const kind = chooseKind(random);
  const path = oneOf(random, PATHS);
  const lines = between(random, 1, MANY_ONCE_IN) === 1 ? MANY_LINES : between(random, 0, FEW_LINES);
  if (kind === 'stage all' || kind === 'commit' || kind === 'push') return { kind };
  if (kind === 'write' || kind === 'replace') return { kind, path, lines };
  if (kind === 'append') return { kind, path };
  const there = PATHS.filter(exists);
  if (there.length === 0) return { kind: 'write', path, lines };
  const from = oneOf(random, there);
  if (kind !== 'rename') return { kind, path: from };
  const places = PATHS.filter((place) => place !== from);
  return { kind, path: from, to: oneOf(random, places) };
}

function chooseKind(random: Random): Action['kind'] {
  const kinds: Action['kind'][] = [
    'write',
    'replace',
    'append',
    'delete',
    'rename',
    'stage',
    'stage all',
    'commit',
    'push',
  ];
  let left = random() * kinds.reduce((sum, kind) => sum + SHARES[kind], 0);
  for (const kind of kinds) {
    left -= SHARES[kind];
    if (left < 0) return kind;
  }
  return 'write';
}
