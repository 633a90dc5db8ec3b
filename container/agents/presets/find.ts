import { claude } from './claude.ts';
import { codex } from './codex.ts';
import { kilo } from './kilo.ts';
import { opencode } from './opencode.ts';
import type { Preset } from './preset.ts';

/** The tools that Relight knows how to run, by the name that an agent's command names them with. */
export const PRESETS: ReadonlyMap<string, Preset> = new Map(
  Object.entries({ kilo, opencode, claude, codex }),
);

/** The preset that an agent's command names with its only word; null for a shell command. */
export function findPreset(command: string): Preset | null {
  return PRESETS.get(command) ?? null;
}
