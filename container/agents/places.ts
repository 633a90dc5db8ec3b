import { join } from 'node:path';

/** An agent's own HOME, outside its worktree. */
export function homeDir(workspace: string, rig: string, agent: string): string {
  return join(workspace, 'home', rig, agent);
}

/** Where the ssh of whose HOME it is keeps the keys of hosts that it believed the first time. */
export function knownHostsFile(home: string): string {
  return join(home, '.config/gt/known_hosts');
}

/** The folder of the primes of a rig's agents. */
export function primeDir(workspace: string, rig: string): string {
  return join(workspace, 'prime', rig);
}

/** The file that holds the prime an agent was started with, outside its worktree. */
export function primeFile(workspace: string, rig: string, agent: string): string {
  return join(primeDir(workspace, rig), `${agent}.md`);
}

/** Where package managers keep what they downloaded, for all worktrees of a rig. */
export function cacheDir(workspace: string, rig: string): string {
  return join(workspace, 'cache', rig);
}
