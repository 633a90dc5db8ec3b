import process from 'node:process';

/** `npm run bench -- <name>`: runs one of the benchmarks beside this file. */
const BENCHMARKS: Readonly<Record<string, () => Promise<unknown>>> = {
  agents: () => import('./agents.ts'),
  recovery: () => import('./recovery/main.ts'),
  snapshots: () => import('./snapshots.ts'),
  storm: () => import('./storm.ts'),
};

const benchmark = BENCHMARKS[process.argv[2] ?? ''];
if (benchmark === undefined) {
  console.error(`npm run bench -- <${Object.keys(BENCHMARKS).join('|')}>`);
  process.exitCode = 2;
} else {
  await benchmark();
}
