import { join } from 'node:path';

/** The folder of one rig on the container's disk. */
export function rigDir(workspace: string, rig: string): string {
  return join(workspace, 'rigs', rig);
}

/** The bare repository that all worktrees of a rig share. */
export function repoDir(workspace: string, rig: string): string {
  return join(rigDir(workspace, rig), 'repo.git');
}

/** The folder that holds the worktrees of a rig, one per agent. */
export function agentsDir(workspace: string, rig: string): string {
  return join(rigDir(workspace, rig), 'agents');
}

/** The worktree of one agent. */
export function worktreeDir(workspace: string, rig: string, agent: string): string {
  return join(agentsDir(workspace, rig), agent);
}
