import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { shellQuote } from '../tools/shell-quote.ts';
import { findPreset } from './presets/find.ts';
import { type Place, unlessAbsent } from './presets/preset.ts';

/** Says which bead the sessions below HOME are about. */
const SESSION_BEAD = '.config/gt/session-bead';

const RESUMED = [
  'You were cut off, and this is the session that you were in. What follows is your context as it is now: where it differs',
  'from what you remember, it is right. Look at your branch first: a command that was under way may not have ended.',
].join('\n');

/** One start of an agent, as its command and its prime say. */
export interface Plan extends Place {
  readonly bead: string;
  readonly command: string;
  readonly prime: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What a shell is given for it. */
export interface Prepared {
  readonly command: string;
  readonly input: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Makes of a preset's name what runs it, after writing its settings below HOME; any other command is left as it is. The
 * tool's own session is continued when one is there and is about the same bead.
 */
export async function prepare(plan: Plan): Promise<Prepared> {
  const { command, prime, env, home } = plan;
  const preset = findPreset(command);
  if (preset === null) return { command, input: prime, env };
  const lastBead = await unlessAbsent(readFile(join(home, SESSION_BEAD), 'utf8'));
  const resumes = lastBead === plan.bead && (await preset.hasSession(plan));
  const setting = preset.setting(plan, resumes);
  await writeBelow(home, { ...setting.files, [SESSION_BEAD]: plan.bead });
  return {
    command: `exec ${setting.words.map(shellQuote).join(' ')}`,
    input: resumes ? `${RESUMED}\n\n${prime}` : prime,
    env: { ...setting.env, ...env },
  };
}

async function writeBelow(home: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(home, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { mode: 0o600 });
  }
}
