import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ownerOf } from '../files/owner.ts';
import type { Owner } from '../files/owner.ts';
import { removeTree } from '../files/write.ts';
import { privateDir } from '../git/layout.ts';
import type { Git, GitCommand } from '../git/run-git.ts';
import { runNamed } from './named-git.ts';
import type { Place } from './place.ts';

/**
 * Highest in precedence of all attributes (https://git-scm.com/docs/gitattributes): no line ending, keyword, encoding
 * or filter changes a byte on its way into the repository or out of it. `!` and not `-` where git takes "unset" for a
 * name.
 */
const BYTES_AS_THEY_ARE = '* -text -crlf !eol -ident !filter !working-tree-encoding\n';

/** A git folder of Relight's own: it shares the objects of a rig's repository, and nothing else. */
export interface PrivateRepo {
  readonly gitDir: string;
  readonly index: string;
  /** Runs git on the worktree with this folder's own index, attributes and configuration. */
  run(args: readonly string[], input?: string): Promise<string>;
}

/**
 * Makes a private git folder for the worktree of `place`, and removes it after `work`. The agent's configuration is not
 * read, so that nothing in it can start a program, and none of its locks are taken.
 */
export async function withPrivateRepo<Result>(
  git: Git,
  place: Place,
  command: GitCommand,
  work: (own: PrivateRepo) => Promise<Result>,
): Promise<Result> {
  const gitDir = makeFolderOfOwn(place.repo);
  try {
    furnish(gitDir, place);
    hand(gitDir, ownerOf(place.dir));
    return await work({
      gitDir,
      index: join(gitDir, 'index'),
      async run(args, input) {
        const own = { gitDir, workTree: place.dir };
        return runNamed(git, own, args, { ...command, ...(input === undefined ? {} : { input }) });
      },
    });
  } finally {
    await removeTree(gitDir);
  }
}

/**
 * A new folder beside the repository, its owner's alone where it has one; one that is left behind goes with
 * {@link removeLeftFolders}.
 */
export function makeFolderOfOwn(repo: string, owner: Owner | null = null): string {
  const folder = privateDir(repo);
  mkdirSync(folder, { recursive: true });
  const own = mkdtempSync(join(folder, 'own-'));
  if (owner !== null) chownSync(own, owner.uid, owner.gid);
  return own;
}

/** Gives the folder to whom the worktree belongs, the outermost last: until then nobody else gets in. */
function hand(gitDir: string, owner: Owner | null): void {
  if (owner === null) return;
  for (const name of ['refs', 'info', '']) chownSync(join(gitDir, name), owner.uid, owner.gid);
}

function furnish(gitDir: string, { repo, store, excludes }: Place): void {
  const config = [
    '[core]',
    `\trepositoryformatversion = ${store.format === 'sha1' ? 0 : 1}`,
    '\tbare = false',
    '\tfileMode = true',
    '\tsymlinks = true',
    '\tquotePath = true',
    '\tautocrlf = false',
    '\tsafecrlf = false',
    '\tsplitIndex = false',
    '\tuntrackedCache = false',
    // The files of a worktree that is put back may be older than git's own clock says.
    '\tcheckStat = default',
    ...(excludes === null ? [] : [`\texcludesFile = ${JSON.stringify(excludes)}`]),
    ...(store.format === 'sha1' ? [] : ['[extensions]', `\tobjectFormat = ${store.format}`]),
    '',
  ].join('\n');
  for (const name of ['refs', 'info']) mkdirSync(join(gitDir, name));
  writeFileSync(join(gitDir, 'config'), config);
  writeFileSync(join(gitDir, 'HEAD'), 'ref: refs/heads/none\n');
  writeFileSync(join(gitDir, 'info', 'attributes'), BYTES_AS_THEY_ARE);
  symlinkSync(store.objects, join(gitDir, 'objects'));
  symlinkSync(join(repo, 'info', 'exclude'), join(gitDir, 'info', 'exclude'));
}

/** Removes private folders that a killed control server left behind: those older than this process. */
export async function removeLeftFolders(repo: string): Promise<void> {
  const folder = privateDir(repo);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    // Another capture may remove its own meanwhile.
    const made = statSync(path, { throwIfNoEntry: false });
    if (made !== undefined && made.ctimeMs < performance.timeOrigin) await removeTree(path);
  }
}
