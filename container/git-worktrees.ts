import { commitAll } from './git/commit-all.ts';
import { Histories } from './git/histories.ts';
import { worktreeDir } from './git/layout.ts';
import { ensurePushed } from './git/push.ts';
import { restoreRig } from './git/restore-rig.ts';
import type { Git } from './git/run-git.ts';
import { headOf } from './git/worktree-head.ts';
import type { Worktrees } from './worktrees.ts';

const NAMED_FILES = 10;

/** What the git side needs of the control server: whether there is a credential for a rig. */
export interface GitParts {
  readonly git: Git;
  readonly workspace: string;
  readonly hasCredential: (rig: string) => boolean;
}

/** The worktrees as git has them, below the workspace. */
export function gitWorktrees({ git, workspace, hasCredential }: GitParts): Worktrees {
  const dirOf = (rig: string, agent: string): string => worktreeDir(workspace, rig, agent);
  const histories = new Histories(git);
  return {
    dirOf,
    restore: async (rig, request, hooks) => {
      const report = await restoreRig(git, rig, request, hooks);
      histories.complete(rig, request, hooks.signal);
      return report;
    },
    headOf: async (rig, agent) => await headOf(git, dirOf(rig, agent)),
    ensurePushed: async (rig, agent, branch) =>
      await ensurePushed(git, rig, dirOf(rig, agent), branch, hasCredential(rig)),
    commitAll: async (rig, agent, message) =>
      await commitAll(git, { rig, agent, dir: dirOf(rig, agent), message }),
    uncommitted: async (rig, agent) => {
      const lines = await git.run(dirOf(rig, agent), ['--no-optional-locks', 'status', '--porcelain']);
      const files = lines.split('\n').flatMap((line) => (line === '' ? [] : [line.slice(3)]));
      const more = files.length - NAMED_FILES;
      return more > 0 ? [...files.slice(0, NAMED_FILES), `and ${String(more)} more`] : files;
    },
  };
}
