import { linesOf, unquoted } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
import type { PrivateRepo } from './private-repo.ts';

/** Files and nested repositories; `covers` tells whether a path was looked for at all. */
export interface Listing {
  readonly files: BytePath[];
  readonly nested: BytePath[];
  covers(path: BytePath): boolean;
}

/** Above so many folders one listing of everything is quicker, and the command line stays short. */
const FOLDERS_MAX = 50;

/** Lists the files in and below `folders` that no rule ignores. The index of `own` is empty: tracked files are among them. */
export async function listNew(own: PrivateRepo, folders: readonly BytePath[]): Promise<Listing> {
  if (folders.length === 0) return { files: [], nested: [], covers: () => false };
  // An argument is text; what is not plain could reach git as other bytes.
  const narrow =
    folders.length <= FOLDERS_MAX && folders.every((folder) => /^[\u0020-\u007e]+$/.test(folder));
  const scope = narrow ? ['--', ...folders.map((folder) => `:(top,literal)${folder}/`)] : [];
  const args = ['ls-files', '--others', '--exclude-standard', ...scope];
  const listed = linesOf(await own.run(args)).map(unquoted);
  return {
    files: listed.filter((path) => !path.endsWith('/')),
    nested: listed.filter((path) => path.endsWith('/')).map((path) => path.slice(0, -1)),
    covers: (path) => !narrow || folders.some((folder) => path === folder || path.startsWith(`${folder}/`)),
  };
}
