import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { noteSession } from '../agents/session.ts';
import { isSessionPath } from '../agents/session-places.ts';
import type { Git } from '../git/run-git.ts';
import { folderOf, linesOf, onDisk, readablePath, unquoted } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
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
  const folder = makeFolderOfOwn(place.repo);
  try {
    await withPrivateRepo(git, { ...place, dir: folder }, { signal }, async (own) =>
      own.run(['read-tree', '--reset', '-u', `${state}:${STATE_TREE.home.slice(0, -1)}`]),
    );
    for (const [path, parts] of files) await joinChunks(folder, parts, join(home, readablePath(path)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  await noteSession(home, { bead, failures: 0 });
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

async function joinChunks(folder: string, chunks: readonly BytePath[], file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  async function* bytes(): AsyncGenerator<Buffer> {
    for (const chunk of chunks) yield* createReadStream(onDisk(folder, chunk)) as AsyncIterable<Buffer>;
  }
  await pipeline(bytes, createWriteStream(`${file}.new`, { mode: 0o600 }));
  await rename(`${file}.new`, file);
}
