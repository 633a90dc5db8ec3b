import { and, count, inArray, isNotNull, ne, sql } from 'drizzle-orm';
import type { SQL } from 'drizzle-orm';
import { RECOVERY_BUCKETS_S } from '../../contract/metrics.ts';
import type { RecoveryTimes, RosterTally, TownMetrics } from '../../contract/metrics.ts';
import type { RecoveryStatus } from '../../contract/recovery.ts';
import type { Database } from '../../tables/open.ts';
import { recoveries } from '../../tables/town/schema.ts';
import { rigOf } from '../reach.ts';
import type { TownCore } from './core.ts';
import * as registry from './registry.ts';
import { describeTown } from './view.ts';

/** Outcomes of a recovery after which agents work again. */
const BROUGHT_BACK = ['complete', 'partial'] as const satisfies RecoveryStatus[];

/** What is counted of the town, and of its rigs now. Throws RelightError `unknown_town`. */
export async function townMetrics(core: TownCore): Promise<TownMetrics> {
  const { db, env, town } = core;
  const { fenced } = registry.townRow(db, town);
  const { state, generation } = describeTown(core);
  const rigs = registry.rigRows(db);
  const tallies = await Promise.all(rigs.map(async ({ rig }) => rigOf(env, town, rig).tally()));
  const facts = { town, state, generation, fenced };
  return { ...facts, ...sumOf(tallies), recoveries: outcomes(db), times: times(db) };
}

function outcomes(db: Database): TownMetrics['recoveries'] {
  const { status } = recoveries;
  const rows = db
    .select({ status, n: count() })
    .from(recoveries)
    .where(ne(status, 'running'))
    .groupBy(status)
    .all();
  return Object.fromEntries(rows.map((row) => [row.status, row.n]));
}

function times(db: Database): RecoveryTimes {
  const seconds = sql`(${recoveries.finishedAt} - ${recoveries.startedAt}) / 1000.0`;
  const ended = db
    .select({ seconds: sql<number>`${seconds}`.as('seconds') })
    .from(recoveries)
    .where(and(isNotNull(recoveries.finishedAt), inArray(recoveries.status, BROUGHT_BACK)))
    .as('ended');
  const atMost = (most: number) => sql<number>`count(*) filter (where ${ended.seconds} <= ${most})`;
  const bounds: Record<string, SQL<number>> = {};
  for (const most of RECOVERY_BUCKETS_S) bounds[most] = atMost(most);
  const counted = db.select(bounds).from(ended).get() ?? {};
  const sumSeconds = sql<number>`coalesce(sum(${ended.seconds}), 0)`;
  const all = db.select({ count: count(), sumSeconds }).from(ended).get();
  return {
    atMost: RECOVERY_BUCKETS_S.map((most) => counted[most] ?? 0),
    count: all?.count ?? 0,
    sumSeconds: all?.sumSeconds ?? 0,
  };
}

function sumOf(tallies: readonly RosterTally[]): RosterTally {
  const agents: Record<string, number> = {};
  for (const tally of tallies) {
    for (const [status, n] of Object.entries(tally.agents)) agents[status] = (agents[status] ?? 0) + n;
  }
  return { agents, atRisk: tallies.reduce((sum, tally) => sum + tally.atRisk, 0) };
}
