import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Git, GitCommand } from '../git/run-git.ts';
import { runNamed } from './named-git.ts';
import type { Place } from './place.ts';

const FOLDER = 'relight-snapshots';

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
    return await work({
      gitDir,
      index: join(gitDir, 'index'),
      async run(args, input) {
        const own = { gitDir, workTree: place.dir };
        return runNamed(git, own, args, { ...command, ...(input === undefined ? {} : { input }) });
      },
    });
  } finally {
    rmSync(gitDir, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** A new folder beside the repository's own files; one that is left behind goes with {@link removeLeftFolders}. */
export function makeFolderOfOwn(repo: string): string {
  const folder = join(repo, FOLDER);
  mkdirSync(folder, { recursive: true });
  return mkdtempSync(join(folder, 'own-'));
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
export function removeLeftFolders(repo: string): void {
  const folder = join(repo, FOLDER);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    // Another capture may remove its own meanwhile.
    const made = statSync(path, { throwIfNoEntry: false });
    if (made !== undefined && made.ctimeMs < performance.timeOrigin)
      rmSync(path, { recursive: true, force: true });
  }
}
