import type { Database } from '../../tables/open.ts';

/** What the parts of a Rig object share. */
export interface RigCore {
  readonly town: string;
  readonly rig: string;
  readonly env: Env;
  readonly ctx: DurableObjectState;
  readonly db: Database;
}
