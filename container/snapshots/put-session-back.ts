import { dirname, join } from 'node:path';
import { noteSession } from '../agents/session.ts';
import { isSessionPath } from '../agents/session-places.ts';
import { ownerOf } from '../files/owner.ts';
import { bytesOf } from '../files/read.ts';
import { makeFolder, removeTree, writeWhole } from '../files/write.ts';
import type { Git } from '../git/run-git.ts';
import { folderOf, linesOf, onDisk, readablePath, unquoted } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
import { SnapshotError } from './errors.ts';
import { runNamed } from './named-git.ts';
import type { Place } from './place.ts';
import { makeFolderOfOwn, withPrivateRepo } from './private-repo.ts';
import { STATE_TREE } from './saved-state.ts';
import { findSessionFiles } from './session-files.ts';

/** Whose session goes back, out of which state commit. */
export interface SessionPutBack {
  readonly home: string;
  readonly bead: string;
  readonly state: string;
  readonly signal: AbortSignal;
}

/** Puts the agent's session back below its HOME, unless there is one already: that is newer. */
export async function putSessionBack(
  git: Git,
  place: Place,
  { home, bead, state, signal }: SessionPutBack,
): Promise<void> {
  const listed = await runNamed(
    git,
    { gitDir: place.repo },
    ['ls-tree', '-r', '--name-only', '--full-tree', state, STATE_TREE.home],
    { signal },
  );
  const chunks = linesOf(listed).map((line) => unquoted(line).slice(STATE_TREE.home.length));
  const files = filesOf(chunks);
  if (files.size === 0 || findSessionFiles(home).length > 0) return;
  const folder = makeFolderOfOwn(place.repo, ownerOf(place.dir));
  try {
    await withPrivateRepo(git, { ...place, dir: folder }, { signal }, async (own) =>
      own.run(['read-tree', '--reset', '-u', `${state}:${STATE_TREE.home.slice(0, -1)}`]),
    );
    for (const [path, parts] of files) joinChunks(folder, parts, join(home, readablePath(path)));
  } finally {
    await removeTree(folder);
  }
  noteSession(home, { bead, failures: 0 });
}

/** Files by path below HOME, with their chunks in order. What is no session is nobody's business here. */
function filesOf(chunks: readonly BytePath[]): Map<BytePath, BytePath[]> {
  const files = new Map<BytePath, BytePath[]>();
  for (const chunk of chunks) {
    const path = folderOf(chunk);
    if (isSessionPath(path)) files.set(path, [...(files.get(path) ?? []), chunk]);
  }
  return files;
}

function joinChunks(folder: string, chunks: readonly BytePath[], file: string): void {
  makeFolder(dirname(file));
  const parts = chunks.map((chunk) => {
    const bytes = bytesOf(onDisk(folder, chunk));
    if (bytes === null) throw new SnapshotError('corrupt', `${chunk} of the agent's session is missing`);
    return bytes;
  });
  writeWhole(file, Buffer.concat(parts), 0o600);
}
