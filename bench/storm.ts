import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { NAIVE, RELIGHT } from './storm/policies.ts';
import type { StormPolicy } from './storm/policies.ts';
import { ROLLOUT, simulate } from './storm/simulate.ts';
import type { Storm, StormResult } from './storm/simulate.ts';

/** Prints how many towns that restart in a minute recover, before and after Relight's policy for storms. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: { towns: { type: 'string' }, seed: { type: 'string' }, json: { type: 'string' } },
  });
  const storm: Storm = {
    ...ROLLOUT,
    towns: numberOf(values.towns, ROLLOUT.towns),
    seed: numberOf(values.seed, ROLLOUT.seed),
  };
  const policies: [string, StormPolicy][] = [
    ['before', NAIVE],
    ['after', RELIGHT],
  ];
  console.log(
    `${storm.towns} towns of ${storm.rigs} rigs restart within ${storm.withinMs / 1000} s (seed ${storm.seed}); ` +
      `Workflows: ${storm.workflowRate}/s, git host: ${storm.gitRate} requests/s, Retry-After ${storm.retryAfterMs / 1000} s`,
  );
  const results: Record<string, StormResult> = {};
  for (const [name, policy] of policies) {
    for (const [label, each] of [
      ['all', storm],
      ['one alone', { ...storm, towns: 1 }],
    ] as const) {
      const result = await simulate(each, policy);
      results[`${name}, ${label}`] = result;
      console.log(lineOf(`${name}, ${label}`, result));
    }
  }
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ storm, results }, null, 2)}\n`);
}

function lineOf(name: string, { dark, lastMs, p50Ms, p95Ms, git, workflows }: StormResult): string {
  const s = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  return [
    `${name}:`,
    dark === 0 ? `  last recovery after ${s(lastMs)}` : `  ${dark} towns are still dark after ${s(lastMs)}`,
    `  time to recover p50 ${s(p50Ms)}, p95 ${s(p95Ms)}`,
    `  git host: ${git.total} requests, ${git.peak}/s at the peak, ${git.mean.toFixed(0)}/s on average, ${git.refused} refused`,
    `  Workflows: ${workflows.total} creations asked, ${workflows.peak}/s at the peak, ${workflows.refused} refused`,
  ].join('\n');
}

function numberOf(text: string | undefined, usual: number): number {
  const value = text === undefined ? usual : Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${text} is not a whole number`);
  return value;
}

await main();
