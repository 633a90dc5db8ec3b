import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { Id } from '../../src/contract/ids.ts';
import { bytesOf } from '../files/read.ts';
import { makeFolder, move, removeTree, writeWhole } from '../files/write.ts';
import { SESSION_PLACES } from './session-places.ts';

/** Below HOME: what is known of the sessions there, and those that are not gone on with. */
const [NOTE, SET_ASIDE] = ['.config/gt/session.json', '.config/gt/session-before'];

/** A resumed tool that ends with a failure so soon was probably not able to read its session. */
const SOON_MS = 60_000;

/** One failure may also be that of a model that cannot be reached. */
const FAILURES_MAX = 2;

/** Which bead the sessions are about, and how often in a row a tool failed soon after it resumed one. */
const SessionNote = z.object({ bead: Id, failures: z.int().nonnegative() });
type SessionNote = z.infer<typeof SessionNote>;

/** Makes sure that sessions below HOME are about the bead: those of another one are set aside. */
export async function beginSession(home: string, bead: string): Promise<void> {
  if (readNote(home)?.bead === bead) return;
  await setAside(home);
  noteSession(home, { bead, failures: 0 });
}

/** Judges a session by how its tool ended that had resumed it: one that it cannot live with is set aside. */
export async function judgeSession(
  home: string,
  bead: string,
  { code, ranMs }: { code: number | null; ranMs: number },
): Promise<void> {
  const before = readNote(home)?.failures ?? 0;
  const failures = code === 0 || ranMs >= SOON_MS ? 0 : before + 1;
  if (failures >= FAILURES_MAX) await setAside(home);
  noteSession(home, { bead, failures: failures % FAILURES_MAX });
}

/** Notes what the sessions below HOME are about. */
export function noteSession(home: string, note: SessionNote): void {
  makeFolder(dirname(join(home, NOTE)));
  writeWhole(join(home, NOTE), JSON.stringify(note), 0o600);
}

function readNote(home: string): SessionNote | null {
  const text = bytesOf(join(home, NOTE))?.toString();
  if (text === undefined) return null;
  try {
    return SessionNote.parse(JSON.parse(text));
  } catch (error) {
    // Cut off, or the agent's own doing: then nobody knows what the sessions are about.
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null;
    throw error;
  }
}

/** Takes the sessions out of their tools' sight, so that the next start begins a new one. The last ones are kept. */
async function setAside(home: string): Promise<void> {
  await removeTree(join(home, SET_ASIDE));
  for (const place of SESSION_PLACES) {
    // A database comes with what SQLite keeps beside it, which would be taken for the next one's.
    for (const path of [place, `${place}-wal`, `${place}-shm`]) {
      if (!existsSync(join(home, path))) continue;
      const aside = join(home, SET_ASIDE, path);
      makeFolder(dirname(aside));
      move(join(home, path), aside);
    }
  }
}
