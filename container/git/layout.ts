import { dirname, join } from 'node:path';

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

/** The folder of what a rig's git has beside its repository: bundles on their way. It is HOME for that git. */
export function ownDir(workspace: string, rig: string): string {
  return join(rigDir(workspace, rig), 'own');
}

/** The folder of the git folders that Relight makes for itself, beside the repository of a rig. */
export function privateDir(repo: string): string {
  return join(dirname(repo), 'private');
}
