/**
 * A path below a worktree, `/` between its parts, one character per byte (Latin-1): file names are bytes, and git keeps
 * those that are not UTF-8.
 */
export type BytePath = string;

const PLAIN = /^[\u0020-\u007e]*$/;

/** The path as people read it: UTF-8 where it is. */
export function readablePath(path: BytePath): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}

/** The place of the path on disk, for the calls of `node:fs`. */
export function onDisk(dir: string, path: BytePath): string | Buffer {
  if (path === '') return dir;
  if (PLAIN.test(path)) return `${dir}/${path}`;
  return Buffer.concat([Buffer.from(`${dir}/`), Buffer.from(path, 'latin1')]);
}

/** The folder of the path; the empty path is the worktree itself. */
export function folderOf(path: BytePath): BytePath {
  const end = path.lastIndexOf('/');
  return end < 0 ? '' : path.slice(0, end);
}

/** The path as git reads it on standard input: in C quotes (core.quotePath of https://git-scm.com/docs/git-config). */
export function quoted(path: BytePath): string {
  const escaped = path.replaceAll(
    /[^\u0020-\u007e]|["\\]/g,
    (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  return `"${escaped}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  '"': '"',
  '\\': '\\',
};

/** The path in a line that git wrote with `core.quotePath` on. */
export function unquoted(line: string): BytePath {
  if (!line.startsWith('"')) return line;
  return line
    .slice(1, -1)
    .replaceAll(/\\(?:([0-7]{3})|(.))/g, (_, octal: string | undefined, letter: string | undefined) =>
      octal === undefined ? (ESCAPES[letter ?? ''] ?? '') : String.fromCharCode(Number.parseInt(octal, 8)),
    );
}

/** The non-empty lines of what git wrote. */
export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
