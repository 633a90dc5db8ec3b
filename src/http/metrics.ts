import { Hono } from 'hono';
import { AgentStatus } from '../contract/agent.ts';
import { Id } from '../contract/ids.ts';
import { RECOVERY_BUCKETS_S } from '../contract/metrics.ts';
import type { TownMetrics } from '../contract/metrics.ts';
import { RecoveryStatus } from '../contract/recovery.ts';
import { TownState } from '../contract/town.ts';
import { directoryOf, townOf } from '../objects/reach.ts';
import { logTrouble } from '../platform/log.ts';
import { requireOperator } from './guards.ts';
import type { Bindings } from './guards.ts';

/** So many towns are asked at the same time. */
const AT_ONCE = 50;

/** What Prometheus scrapes: all towns, or those that `?town=` names. */
export const metrics = new Hono<Bindings>();

metrics.get('/metrics', requireOperator, async (c) => {
  const named = c.req.queries('town')?.map((name) => Id.parse(name));
  const towns = named ?? (await directoryOf(c.env).towns());
  const found: TownMetrics[] = [];
  let silent = 0;
  for (let from = 0; from < towns.length; from += AT_ONCE) {
    const asked = towns.slice(from, from + AT_ONCE).map(async (town) => townOf(c.env, town).metrics());
    for (const answer of await Promise.allSettled(asked)) {
      if (answer.status === 'fulfilled') found.push(answer.value);
      else silent += 1;
      if (answer.status === 'rejected') logTrouble('metrics.town_silent', answer.reason);
    }
  }
  return c.text(expose(found, silent), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
});

/** One metric: what it is called, is and says, and its samples with their labels. */
interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly (readonly [
    labels: Readonly<Record<string, string>>,
    value: number,
    suffix?: string,
  ])[];
}

/** The text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/). */
function expose(towns: readonly TownMetrics[], silent: number): string {
  return metricsOf(towns, silent)
    .flatMap(({ name, type, help, samples }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...samples.map(([labels, value, suffix = '']) => `${name}${suffix}${labelText(labels)} ${value}`),
    ])
    .join('\n')
    .concat('\n');
}

/** Towns, states and outcomes have no characters that would have to be escaped. */
function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function metricsOf(towns: readonly TownMetrics[], silent: number): Metric[] {
  const outcomes = RecoveryStatus.options.filter((status) => status !== 'running');
  return [
    {
      name: 'relight_towns',
      type: 'gauge',
      help: 'Towns by state.',
      samples: TownState.options.map((state) => [
        { state },
        towns.filter((town) => town.state === state).length,
      ]),
    },
    {
      name: 'relight_towns_silent',
      type: 'gauge',
      help: 'Towns that did not answer this scrape and are missing from it.',
      samples: [[{}, silent]],
    },
    {
      name: 'relight_generation',
      type: 'gauge',
      help: 'Boots that the town has accepted.',
      samples: towns.map(({ town, generation }) => [{ town }, generation]),
    },
    {
      name: 'relight_recoveries_total',
      type: 'counter',
      help: 'Recoveries that have ended, by outcome.',
      samples: towns.flatMap(({ town, recoveries }) =>
        outcomes.map((outcome) => [{ town, outcome }, recoveries[outcome] ?? 0] as const),
      ),
    },
    {
      name: 'relight_recovery_seconds',
      type: 'histogram',
      help: 'Time from the opening of a recovery to its end, where it brought agents back.',
      samples: towns.flatMap(({ town, times }) => [
        ...RECOVERY_BUCKETS_S.map(
          (le, n) => [{ town, le: String(le) }, times.atMost[n] ?? 0, '_bucket'] as const,
        ),
        [{ town, le: '+Inf' }, times.count, '_bucket'],
        [{ town }, times.sumSeconds, '_sum'],
        [{ town }, times.count, '_count'],
      ]),
    },
    {
      name: 'relight_agents',
      type: 'gauge',
      help: 'Agents by status.',
      samples: towns.flatMap(({ town, agents }) =>
        AgentStatus.options.map((status) => [{ town, status }, agents[status] ?? 0] as const),
      ),
    },
    {
      name: 'relight_snapshots_at_risk',
      type: 'gauge',
      help: 'Agents whose newest work could not be stored outside the container.',
      samples: towns.map(({ town, atRisk }) => [{ town }, atRisk]),
    },
    {
      name: 'relight_fenced_messages_total',
      type: 'counter',
      help: 'Messages of earlier boots that were refused.',
      samples: towns.map(({ town, fenced }) => [{ town }, fenced]),
    },
  ];
}
