import { appendedBy, contentOf } from './actions.ts';
import type { Action } from './actions.ts';
import type { JournalLine } from './journal.ts';

/** The files and the staged files of a worktree: their contents by path. */
export interface Trees {
  readonly files: ReadonlyMap<string, string>;
  readonly index: ReadonlyMap<string, string>;
}

export type TreeName = keyof Trees;

/** What one path held from action `n` on; 0 is what was there when the life began. */
export interface Version {
  readonly n: number;
  readonly kind: Action['kind'] | 'base';
  /** Null where there was no file. */
  readonly content: string | null;
  /** When the action had returned, in epoch milliseconds; null if it failed or never returned: it may have been done or not. */
  readonly endedAt: number | null;
  /** What was already there while this was being written, at least; null where it could only be seen as a whole. */
  readonly writtenFrom: string | null;
}

/** All versions of each path in the order of time, by tree and path. A path that is not there never held anything. */
export type Histories = Readonly<Record<TreeName, ReadonlyMap<string, readonly Version[]>>>;

interface Change {
  readonly tree: TreeName;
  readonly path: string;
  readonly content: string | null;
  readonly writtenFrom: string | null;
}

/** Replays what a writer did in one life on top of the worktree as it was at the beginning of that life. */
export function replay(base: Trees, lines: readonly JournalLine[]): Histories {
  const trees = { files: new Map(base.files), index: new Map(base.index) };
  const histories = { files: begin(base.files), index: begin(base.index) };
  const ends = new Map(lines.flatMap((line) => (line.what === 'ended' ? [[line.n, line]] : [])));
  for (const line of lines) {
    if (line.what !== 'begun') continue;
    const { n, action } = line;
    const end = ends.get(n);
    const endedAt = end === undefined || end.failure !== null ? null : end.at;
    for (const { tree, path, content, writtenFrom } of changesOf(n, action, trees)) {
      if (content === null) trees[tree].delete(path);
      else trees[tree].set(path, content);
      const history = histories[tree].get(path) ?? [nothing()];
      histories[tree].set(path, [...history, { n, kind: action.kind, content, endedAt, writtenFrom }]);
    }
  }
  return histories;
}

/** The version of a path before anything was done to it. */
export function nothing(): Version {
  return { n: 0, kind: 'base', content: null, endedAt: Number.NEGATIVE_INFINITY, writtenFrom: null };
}

function begin(tree: ReadonlyMap<string, string>): Map<string, readonly Version[]> {
  return new Map([...tree].map(([path, content]) => [path, [{ ...nothing(), content }]]));
}

function changesOf(n: number, action: Action, { files, index }: Trees): Change[] {
  switch (action.kind) {
    case 'write':
    case 'replace': {
      const content = contentOf(n, action.path, action.lines);
      return [
        { tree: 'files', path: action.path, content, writtenFrom: action.kind === 'write' ? '' : null },
      ];
    }
    case 'append': {
      const before = files.get(action.path) ?? '';
      const content = `${before}${appendedBy(n)}`;
      return [{ tree: 'files', path: action.path, content, writtenFrom: before }];
    }
    case 'delete':
      return [{ tree: 'files', path: action.path, content: null, writtenFrom: null }];
    case 'rename': {
      const content = files.get(action.path) ?? null;
      return [
        { tree: 'files', path: action.to, content, writtenFrom: null },
        { tree: 'files', path: action.path, content: null, writtenFrom: null },
      ];
    }
    case 'stage':
      return [staged(files, action.path)];
    case 'stage all': {
      const paths = new Set([...files.keys(), ...index.keys()]);
      return [...paths]
        .filter((path) => files.get(path) !== index.get(path))
        .map((path) => staged(files, path));
    }
    case 'commit':
    case 'push':
      return [];
  }
}

function staged(files: ReadonlyMap<string, string>, path: string): Change {
  return { tree: 'index', path, content: files.get(path) ?? null, writtenFrom: null };
}
