import type { Database } from '../../tables/open.ts';
import type { Feed } from './feed.ts';

/** What the parts of a Town object share. */
export interface TownCore {
  readonly town: string;
  readonly env: Env;
  readonly storage: DurableObjectStorage;
  readonly db: Database;
  readonly feed: Feed;
}
