import { readdirSync } from 'node:fs';
import { SESSION_PLACES } from '../agents/session-places.ts';
import { isErrno } from '../agents/shells.ts';
import { inFolder } from '../files/plain-path.ts';
import { onDisk } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
import { kindOf, lookAt } from './sweep.ts';
import type { Stamp } from './sweep.ts';

/** A file of an agent's session, by its path below HOME. */
export interface SessionFile {
  readonly path: BytePath;
  readonly look: Stamp;
  /** Changes when the file does, or what SQLite keeps beside it. */
  readonly stamp: string;
}

/** What SQLite keeps beside a database (https://sqlite.org/tempfiles.html): of no use without its process. */
const BESIDE_DATABASE = /-(?:wal|shm|journal)$/;

/** All regular files in these places of the agent's session, without following a link. */
export function findSessionFiles(home: string, places: readonly string[] = SESSION_PLACES): SessionFile[] {
  const paths = places.flatMap((place) => [...filesAt(home, place)]);
  const all = new Set(paths);
  return paths.flatMap((path) => {
    if (BESIDE_DATABASE.test(path) && all.has(path.replace(BESIDE_DATABASE, ''))) return [];
    const look = lookAt(home, path);
    if (typeof look === 'string') return [];
    return [{ path, look, stamp: JSON.stringify([look, lookAt(home, `${path}-wal`)]) }];
  });
}

function* filesAt(home: string, path: BytePath): Generator<BytePath> {
  const kind = kindOf(lookAt(home, path));
  if (kind === 'file') yield path;
  if (kind !== 'folder') return;
  for (const name of namesIn(home, path)) {
    // Git takes a folder of this name for a repository, and no tree may hold one.
    if (name.toLowerCase() !== '.git') yield* filesAt(home, `${path}/${name}`);
  }
}

function namesIn(home: string, folder: BytePath): BytePath[] {
  try {
    return inFolder(onDisk(home, folder), (held) => readdirSync(held.path, 'latin1')).sort();
  } catch (error) {
    // Behind a link there is no session, but may be somebody else's.
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return [];
    throw error;
  }
}
