import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { Id } from '../../src/contract/ids.ts';
import { unlessAbsent } from './presets/preset.ts';
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
  if ((await readNote(home))?.bead === bead) return;
  await setAside(home);
  await noteSession(home, { bead, failures: 0 });
}

/** Judges a session by how its tool ended that had resumed it: one that it cannot live with is set aside. */
export async function judgeSession(
  home: string,
  bead: string,
  { code, ranMs }: { code: number | null; ranMs: number },
): Promise<void> {
  const before = (await readNote(home))?.failures ?? 0;
  const failures = code === 0 || ranMs >= SOON_MS ? 0 : before + 1;
  if (failures >= FAILURES_MAX) await setAside(home);
  await noteSession(home, { bead, failures: failures % FAILURES_MAX });
}

/** Notes what the sessions below HOME are about. */
export async function noteSession(home: string, note: SessionNote): Promise<void> {
  const file = join(home, NOTE);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, JSON.stringify(note), { mode: 0o600 });
}

async function readNote(home: string): Promise<SessionNote | null> {
  const text = await unlessAbsent(readFile(join(home, NOTE), 'utf8'));
  if (text === null) return null;
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
  await rm(join(home, SET_ASIDE), { recursive: true, force: true });
  for (const place of SESSION_PLACES) {
    // A database comes with what SQLite keeps beside it, which would be taken for the next one's.
    for (const path of [place, `${place}-wal`, `${place}-shm`]) {
      if ((await unlessAbsent(stat(join(home, path)))) === null) continue;
      const aside = join(home, SET_ASIDE, path);
      await mkdir(dirname(aside), { recursive: true });
      await rename(join(home, path), aside);
    }
  }
}
