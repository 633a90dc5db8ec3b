import type { RestoreRequest } from '../src/contract/control.ts';
import type { RigReport } from '../src/contract/recovery.ts';
import type { RestoreHooks } from './git/restore-context.ts';

/** What the control server asks of git. */
export interface Worktrees {
  /** Brings a rig's worktrees back; what git refuses is in the report. */
  restore(rig: string, request: RestoreRequest, hooks: RestoreHooks): Promise<RigReport>;
  /** The folder that an agent works in, whether it is there or not. */
  dirOf(rig: string, agent: string): string;
  /** The commit checked out, null on a branch without any. Throws when the folder is no worktree. */
  headOf(rig: string, agent: string): Promise<string | null>;
  /** Has the remote branch hold HEAD, and says whether something is not committed. Throws `not_pushed` and git's codes. */
  ensurePushed(rig: string, agent: string, branch: string): Promise<{ head: string | null; dirty: boolean }>;
  /** Commits everything in the worktree as one commit on its branch; nothing where there is nothing. Throws `uncommitted`. */
  commitAll(rig: string, agent: string, message: string): Promise<void>;
  /** The paths that are not committed, the first few. */
  uncommitted(rig: string, agent: string): Promise<string[]>;
}
