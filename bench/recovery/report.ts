import type { Traffic } from './far-side.ts';
import type { Source } from './source.ts';
import { median, spread } from '../statistics.ts';
import type { Times } from './ways.ts';

/** What is compared. */
export type Way = 'naive' | 'restore' | 'cached' | 'warm' | 'product' | 'floor';

/** What one way took in one round. */
export type Run = Times & Traffic;

export type Runs = Readonly<Record<Way, readonly Run[]>>;

/** How long the last agent took in a town of this shape, in milliseconds. */
export interface Growth {
  readonly rigs: number;
  readonly agents: number;
  readonly last: number;
}

const LABELS: readonly (readonly [Way, string])[] = [
  ['naive', '(a) naive'],
  ['restore', '(b) restore'],
  ['cached', '    cached'],
  ['warm', '    warm'],
  ['product', '(c) product'],
  ['floor', '(d) floor'],
];

/** The figures of all ways and their ratios. */
export function report(source: Source, runs: Runs, shape: string): string {
  const { packMb, files, treeMb, commits } = source;
  const last = (way: Way): number => median(runs[way].map((run) => run.last));
  const first = median(runs.restore.map((run) => run.first));
  const ratios = {
    'b/a': last('restore') / last('naive'),
    'cached/a': last('cached') / last('naive'),
    'b/d': last('restore') / last('floor'),
    'cached/d': last('cached') / last('floor'),
    'first/last': first / last('restore'),
    'warm/cold': last('warm') / last('restore'),
    'c-b, s': (last('product') - last('restore')) / 1000,
  };
  return [
    `${files} files of ${treeMb.toFixed(0)} MB, ${commits} commits, pack ${packMb.toFixed(0)} MB; ${shape}; ` +
      `medians of ${runs.naive.length} (min–max)`,
    '| way | last agent, s | first agent, s | MB | requests | peak MB |',
    '| --- | --- | --- | --- | --- | --- |',
    ...LABELS.map(([way, label]) => lineOf(label, runs[way])),
    Object.entries(ratios)
      .map(([name, value]) => `${name} ${value.toFixed(2)}`)
      .join('   '),
  ].join('\n');
}

function lineOf(label: string, runs: readonly Run[]): string {
  const of = (pick: (run: Run) => number): string => spread(runs.map(pick));
  const peaks = runs.flatMap(({ peakMb }) => (peakMb === undefined ? [] : [peakMb]));
  const cells = [
    of((run) => run.last / 1000),
    of((run) => run.first / 1000),
    median(runs.map((run) => run.bytes / 1e6)).toFixed(2),
    String(median(runs.map((run) => run.requests))),
    peaks.length === 0 ? '' : median(peaks).toFixed(0),
  ];
  return `| ${label} | ${cells.join(' | ')} |`;
}

/** How the restore grows with agents and rigs, and the two ratios that matter. */
export function growthTable(growth: readonly Growth[]): string {
  const of = (rigs: number, agents: number): number =>
    growth.find((shape) => shape.rigs === rigs && shape.agents === agents)?.last ?? Number.NaN;
  return [
    '| rigs | agents in each | last agent, s |',
    '| --- | --- | --- |',
    ...growth.map(({ rigs, agents, last }) => `| ${rigs} | ${agents} | ${(last / 1000).toFixed(2)} |`),
    `32/8 agents ${(of(1, 32) / of(1, 8)).toFixed(2)}   16x2/1x32 ${(of(16, 2) / of(1, 32)).toFixed(2)}`,
  ].join('\n');
}
