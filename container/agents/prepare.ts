import { dirname, join } from 'node:path';
import { makeFolder, writeWhole } from '../files/write.ts';
import { findSessionFiles } from '../snapshots/session-files.ts';
import { shellQuote } from '../tools/shell-quote.ts';
import { OWN_SESSION } from './environment.ts';
import { findPreset } from './presets/find.ts';
import type { Place } from './presets/preset.ts';
import { beginSession } from './session.ts';

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

/** What a shell is given for it; `resumes` says that the tool goes on with its own session. */
export interface Prepared {
  readonly command: string;
  readonly input: string;
  readonly env: Readonly<Record<string, string>>;
  readonly resumes: boolean;
}

/**
 * Makes of a preset's name what runs it, after writing its settings below HOME; any other command is left as it is. The
 * tool's own session is continued when one is there, which is then about the same bead.
 */
export async function prepare(plan: Plan): Promise<Prepared> {
  const { bead, command, prime, env, home } = plan;
  await beginSession(home, bead);
  makeFolder(join(home, OWN_SESSION));
  const preset = findPreset(command);
  if (preset === null) return { command, input: prime, env, resumes: false };
  const resumes = findSessionFiles(home, [preset.session]).length > 0;
  const setting = preset.setting(plan, resumes);
  writeBelow(home, setting.files);
  return {
    command: `exec ${setting.words.map(shellQuote).join(' ')}`,
    input: resumes ? `${RESUMED}\n\n${prime}` : prime,
    env: { ...setting.env, ...env },
    resumes,
  };
}

/** Writes files for the agent alone, by their path below its HOME. */
export function writeBelow(home: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    makeFolder(dirname(join(home, path)));
    writeWhole(join(home, path), text, 0o600);
  }
}
