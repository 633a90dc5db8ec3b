import type { z } from 'zod';
import type { Caller } from '../../src/contract/callbacks.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import type { WorkerClient } from '../worker-client.ts';
import type { Worktrees } from '../worktrees.ts';
import type { Credentials } from './credentials.ts';

/** The start of an agent whose socket it is; every message it causes carries this bead. */
export interface ToolUser {
  readonly rig: string;
  readonly agent: string;
  readonly bead: string;
  readonly branch: string;
  readonly startId: string;
}

/** What the tools work with. */
export interface ToolParts {
  readonly town: string;
  readonly worker: WorkerClient;
  readonly lifecycle: Lifecycle;
  readonly worktrees: Worktrees;
  readonly credentials: Credentials;
  readonly snapshots: Snapshots;
}

/** Who speaks, in every message for an agent. */
export function callerOf({ lifecycle }: ToolParts, { rig, agent }: ToolUser): z.infer<typeof Caller> {
  return { life: lifecycle.life, rig, agent };
}
