import { OWN_SESSION } from './environment.ts';
import { PRESETS } from './presets/find.ts';

/**
 * The files and folders below HOME in which agents keep their conversations. Logins and settings are in none of them:
 * what is in them leaves the container with the agent's snapshots.
 */
export const SESSION_PLACES: readonly string[] = [
  OWN_SESSION,
  ...[...PRESETS.values()].map(({ session }) => session),
];

/** Whether a path below HOME is in one of the places. */
export function isSessionPath(path: string): boolean {
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) return false;
  return SESSION_PLACES.some((place) => path === place || path.startsWith(`${place}/`));
}
