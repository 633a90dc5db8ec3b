import { execa } from 'execa';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { git, gitEnv } from '../../dev/git-server/git-command.ts';
import { randomFrom } from '../../dev/random.ts';
import type { Random } from '../../dev/random.ts';

/** What is served to be recovered. */
export interface SourceOptions {
  /** A repository to take instead of one that is made; a URL or a path. */
  readonly repo: string | null;
  /** How long the history of one that is made is. */
  readonly commits: number;
  /** For so many there is a plain tar of the files. */
  readonly agents: number;
  readonly branches: number;
}

/** The branches of the agents in the served repository, and how large it is. */
export interface Source {
  readonly commits: number;
  readonly branches: readonly string[];
  readonly packMb: number;
  readonly files: number;
  readonly treeMb: number;
}

const [FILES, FILE_MAX_BYTES] = [2_500, 200_000];
const PACKAGES = fileURLToPath(new URL('../../node_modules/', import.meta.url));

/** Makes `source.git` below `rootDir`, with a branch for each agent, and beside it a plain tar of each branch's files. */
export async function makeSource(rootDir: string, options: SourceOptions): Promise<Source> {
  const path = join(rootDir, 'source.git');
  await mkdir(rootDir, { recursive: true });
  if (options.repo === null) {
    await git(['init', '--quiet', '--bare', '--initial-branch=main', path]);
    await fastImport(path, historyOf(options.commits));
    await git(['--git-dir', path, 'repack', '-a', '-d', '-f', '--quiet', '--depth=50', '--window=10']);
  } else {
    const from = /^[a-z+]+:\/\//.test(options.repo) ? options.repo : resolve(options.repo);
    await git(['clone', '--quiet', '--bare', '--no-local', from, path]);
  }
  // What every host that is worth the name allows, and keeps.
  for (const [key, value] of [
    ['uploadpack.allowFilter', 'true'],
    ['uploadpack.allowAnySHA1InWant', 'true'],
    ['repack.writeBitmaps', 'true'],
  ] as const)
    await git(['--git-dir', path, 'config', key, value]);
  const branches: string[] = [];
  for (let n = 1; n <= options.branches; n += 1) branches.push(await makeBranch(path, n));
  await git(['--git-dir', path, 'repack', '-a', '-d', '--quiet', '--write-bitmap-index']);
  await git(['--git-dir', path, 'pack-refs', '--all']);
  for (const [n, branch] of branches.slice(0, options.agents).entries()) {
    await git([
      '--git-dir',
      path,
      'archive',
      '--format=tar',
      `--output=${join(rootDir, `${n}.tar`)}`,
      branch,
    ]);
  }
  const listed = (await git(['--git-dir', path, 'ls-tree', '-r', '-l', 'HEAD'])).split('\n');
  const bytes = listed.reduce((sum, line) => sum + Number(/ (\d+)\t/.exec(line)?.[1] ?? 0), 0);
  const packs = readdirSync(join(path, 'objects/pack')).filter((name) => name.endsWith('.pack'));
  const packed = packs.reduce((sum, name) => sum + statSync(join(path, 'objects/pack', name)).size, 0);
  const commits = Number(await git(['--git-dir', path, 'rev-list', '--count', 'HEAD']));
  return { commits, branches, packMb: packed / 1e6, files: listed.length, treeMb: bytes / 1e6 };
}

/** An agent's branch: two commits that change a few files. */
async function makeBranch(path: string, n: number): Promise<string> {
  const branch = `gt/a${n}/b1`;
  await fastImport(path, workOf(n, branch));
  return branch;
}

function* workOf(n: number, branch: string): Generator<string> {
  for (let commit = 0; commit < 2; commit += 1) {
    yield headOf(branch, commit === 0 ? 'begin' : 'go on', 1_700_100_000 + commit);
    if (commit === 0) yield 'from refs/heads/main^0\n';
    for (const file of [1, 2, 3]) {
      yield `M 100644 inline work/${n}/file${file}.txt\n${data(`work of agent ${n}, commit ${commit}\n`)}`;
    }
  }
}

/** Commits as people make them, to the files that the installed packages consist of: mostly small, in one place each. */
function* historyOf(commits: number): Generator<string> {
  const files = packageFiles();
  if (files.length === 0) throw new Error('no packages are installed: npm ci');
  const random = randomFrom(7);
  for (let commit = 0; commit < commits; commit += 1) {
    yield headOf('main', `commit ${commit}`, 1_700_000_000 + commit);
    for (const file of commit === 0 ? files : change(files, random)) {
      yield `M 100644 inline ${file.path}\n${data(file.text)}`;
    }
  }
}

function headOf(branch: string, message: string, at: number): string {
  return `commit refs/heads/${branch}\ncommitter bench <bench@localhost> ${at} +0000\n${data(message)}`;
}

interface File {
  readonly path: string;
  text: string;
}

/** Text files of the installed packages, the same ones for the same lock file. */
function packageFiles(): File[] {
  const files: File[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(PACKAGES, folder), { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.name.startsWith('.') || files.length >= FILES) continue;
      if (entry.isDirectory()) visit(path);
      if (!entry.isFile() || !/\.(?:[cm]?[jt]s|json|md)$/.test(basename(path))) continue;
      if (statSync(join(PACKAGES, path)).size > FILE_MAX_BYTES) continue;
      files.push({ path, text: readFileSync(join(PACKAGES, path), 'utf8') });
    }
  };
  visit('');
  return files;
}

/** Changes neighbours of one file: eight on average, with forty lines each, which are lines of some other file. */
function change(files: readonly File[], random: Random): Set<File> {
  const changed = new Set<File>();
  const at = Math.floor(random() * files.length);
  for (let n = few(8, random); n > 0; n -= 1) {
    const file = files[(at + Math.floor(random() * 20)) % files.length];
    const other = files[Math.floor(random() * files.length)];
    if (file === undefined || other === undefined) continue;
    const [lines, news] = [file.text.split('\n'), other.text.split('\n')];
    const [size, from] = [few(40, random), Math.floor(random() * news.length)];
    const place = Math.floor(random() * lines.length);
    const gone = Math.floor(size * 2 * random());
    file.text = [
      ...lines.slice(0, place),
      ...news.slice(from, from + size),
      ...lines.slice(place + gone),
    ].join('\n');
    changed.add(file);
  }
  return changed;
}

/** A number from 1 on, mostly small, with this mean. */
function few(mean: number, random: Random): number {
  return 1 + Math.floor((mean - 1) * -Math.log(1 - random()));
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}

/** Feeds git's importer (https://git-scm.com/docs/git-fast-import). */
async function fastImport(path: string, lines: Iterable<string>): Promise<void> {
  await execa('git', ['--git-dir', path, 'fast-import', '--quiet'], { stdin: lines, env: gitEnv() });
}
