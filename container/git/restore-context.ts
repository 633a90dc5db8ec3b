import type { RestoreRequest, WorktreePlan } from '../../src/contract/control.ts';
import type { RelightError } from '../../src/contract/errors.ts';
import type { AgentReport, Phase } from '../../src/contract/recovery.ts';
import type { Room } from '../disk/room.ts';
import type { LocalRefs } from './local-refs.ts';
import type { Phases } from './phases.ts';
import type { RemoteRefs } from './remote-refs.ts';
import type { Git, GitCommand } from './run-git.ts';

/** What the caller of a restore wants to hear and to do. */
export interface RestoreHooks {
  onPhase(phase: Phase): void;
  onAgent(report: AgentReport): void;
  /** Runs the rig's setup command in a new worktree; a rejection becomes the agent's `setup_failed`. */
  runSetup?(agent: string, dir: string): Promise<void>;
  /**
   * Puts the agent's newest snapshot back into its new worktree; null where there is none. A rejection is the agent's
   * fault: without an answer nobody knows whether there is work to be put back.
   */
  putBack?(plan: WorktreePlan, place: PutBackPlace): Promise<PutBack | null>;
  /** The room on the disk; without it everything is made as if there were enough. */
  readonly room?: Room;
  /** A stored cache of the rig, with which a new repository begins. */
  readonly cache?: CacheUse | undefined;
  /** Hears what the remote has, before any worktree is made. */
  onRemote?(refs: RemoteRefs): void;
  readonly signal?: AbortSignal | undefined;
}

/** A stored cache of a rig's repository. */
export interface CacheUse {
  /** Starts to bring it, unless there is a repository. */
  begin(): void;
  /** Puts it into the new repository; null where it is not used. Throws where the repository is not to be used either. */
  place(refs: RemoteRefs, wanted: readonly string[]): Promise<CachePlaced | null>;
  /** Whether an error may be the cache's fault: then the repository is gone, and is to be made without. */
  takeBack(error: unknown): Promise<boolean>;
}

/** What a repository begins with: tracking refs of wanted branches by their names, and how the rest is to be fetched. */
export interface CachePlaced {
  readonly refs: LocalRefs;
  readonly options: readonly string[];
}

/** Where a snapshot goes back: `remoteTip` is the branch on the remote, `stored` are the snapshots that lie there. */
export interface PutBackPlace {
  readonly dir: string;
  readonly remoteTip: string | null;
  readonly stored: RemoteRefs['snapshots'];
}

/** What became of a snapshot: `head` and `files` count where it was put back; `lost` says what nobody can bring back. */
export interface PutBack {
  readonly outcome: 'restored' | 'conflict' | 'none';
  readonly head: string | null;
  readonly files: number;
  readonly warnings: readonly string[];
  readonly lost: readonly string[];
}

/** One restore of one rig, before it is known what the remote has. */
export interface RigJob {
  readonly git: Git;
  readonly rig: string;
  readonly repo: string;
  readonly request: RestoreRequest;
  readonly hooks: RestoreHooks;
  readonly phases: Phases;
  /** How commands reach the remote: whose credential they may use, and what stops them. */
  readonly access: GitCommand;
}

/**
 * The remote, once worktrees can be made. Its history may still be on its way then: `arrival` settles when all that agents
 * need is here, and rejects with why it is not. `failures` are those of single branches, and `local` are our refs.
 */
export interface FetchedRemote {
  readonly refs: RemoteRefs;
  readonly failures: ReadonlyMap<string, RelightError>;
  readonly local: LocalRefs;
  readonly arrival: Promise<void>;
}

/** A restore that has asked the remote. */
export interface RigRestore extends RigJob {
  /** The remote, or why it could not be brought here. */
  readonly remote: FetchedRemote | RelightError;
  /** Kept up to date by whoever writes refs during the restore. */
  readonly local: LocalRefs;
  /** Worktrees are added one after the other: `git worktree add` writes what all of them share. */
  addInTurn<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Settles once every worktree of the restore is added: until then git finds fault with half-made ones. */
  readonly allAdded: Promise<void>;
}
