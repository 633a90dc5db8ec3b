import { readdirSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { GitFailure } from '../git/errors.ts';
import { inFolder } from '../files/plain-path.ts';
import type { BytePath } from './byte-path.ts';
import { folderOf, linesOf, onDisk, quoted, unquoted } from './byte-path.ts';
import type { PrivateRepo } from './private-repo.ts';

/** A search for folders without files, and for things that are neither file, link nor folder. */
export interface OddSearch {
  readonly own: PrivateRepo;
  readonly dir: string;
  /** Folders that are something else: they hold files of the tree, or are repositories of their own. */
  readonly known: ReadonlySet<BytePath>;
  readonly bare: Set<BytePath>;
  readonly special: Set<BytePath>;
  readonly ignored: Set<BytePath>;
}

/** Looks into `folders`, and below the folders without files that turn up, and adds to the sets of the search. */
export async function findOddPlaces(search: OddSearch, folders: readonly BytePath[]): Promise<void> {
  let level = folders;
  while (level.length > 0) {
    const found = new Map<BytePath, 'folder' | 'special'>();
    for (const folder of level) {
      for (const [path, entry] of entriesOf(search.dir, folder)) {
        if (isOdd(search, path, entry)) found.set(path, entry.isDirectory() ? 'folder' : 'special');
      }
    }
    for (const path of await ignoredOf(search.own, [...found.keys()])) {
      search.ignored.add(path);
      found.delete(path);
    }
    for (const [path, kind] of found) (kind === 'folder' ? search.bare : search.special).add(path);
    level = [...found].filter(([, kind]) => kind === 'folder').map(([path]) => path);
  }
}

function isOdd({ known, ignored, bare }: OddSearch, path: BytePath, entry: Dirent<Buffer>): boolean {
  if (entry.isFile() || entry.isSymbolicLink()) return false;
  if (path === '.git' || path.endsWith('/.git')) return false;
  return !known.has(path) && !ignored.has(path) && !bare.has(path);
}

function entriesOf(dir: string, folder: BytePath): [BytePath, Dirent<Buffer>][] {
  try {
    const entries = inFolder(onDisk(dir, folder), (held) =>
      readdirSync(held.path, { withFileTypes: true, encoding: 'buffer' }),
    );
    return entries.map((entry) => {
      const name = entry.name.toString('latin1');
      return [folder === '' ? name : `${folder}/${name}`, entry];
    });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    // Gone meanwhile, or closed to us: the look at the folder itself tells that.
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(String(code))) return [];
    throw error;
  }
}

/** Which of the paths are ignored. `--non-matching` has git answer for every path, and not by silence. */
async function ignoredOf(own: PrivateRepo, paths: readonly BytePath[]): Promise<BytePath[]> {
  if (paths.length === 0) return [];
  // With `./` in front no path is taken for pathspec magic.
  const input = paths.map((path) => `${quoted(`./${path}`)}\n`).join('');
  try {
    const answer = await own.run(['check-ignore', '--stdin', '--verbose', '--non-matching'], input);
    const lines = linesOf(answer).map((line) => {
      const tab = line.lastIndexOf('\t');
      return { rule: line.slice(0, tab), path: unquoted(line.slice(tab + 1)) };
    });
    // `<file>:<line>:<pattern>`; a pattern with `!` takes a path out again, `::` is no pattern.
    return lines.filter(({ rule }) => !/^::$|:\d+:!/.test(rule)).map(({ path }) => path.slice(2));
  } catch (error) {
    // https://git-scm.com/docs/git-check-ignore: exit code 1 is "none of them".
    if (error instanceof GitFailure && error.exitCode === 1) return [];
    throw error;
  }
}

/** All folders above the paths, without the worktree itself. */
export function foldersAbove(paths: Iterable<BytePath>): Set<BytePath> {
  const folders = new Set<BytePath>();
  for (const path of paths) {
    for (let folder = folderOf(path); folder !== '' && !folders.has(folder); folder = folderOf(folder)) {
      folders.add(folder);
    }
  }
  return folders;
}
