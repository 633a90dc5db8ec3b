import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { z } from 'zod';
import { restoreRig } from '../../container/git/restore-rig.ts';
import { createGit } from '../../container/git/run-git.ts';
import { RestoreRequest } from '../../src/contract/control.ts';

/** The control server's restore alone, of all rigs at once: prints when which agent could start, and its peak memory. */
const { workspace, rigs } = z
  .object({ workspace: z.string(), rigs: z.record(z.string(), RestoreRequest) })
  .parse(JSON.parse(process.argv[2] ?? ''));
const git = createGit({ workspace });
const began = performance.now();
const ready: number[] = [];
const faults: unknown[] = [];
await Promise.all(
  Object.entries(rigs).map(async ([rig, request]) => {
    const report = await restoreRig(git, rig, request, {
      onPhase: () => undefined,
      onAgent: () => ready.push(performance.now() - began),
    });
    faults.push(
      ...[report.fault, ...report.agents.map(({ fault }) => fault)].filter((fault) => fault !== null),
    );
  }),
);
const peakMb = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ first: Math.min(...ready), last: Math.max(...ready), peakMb, faults }));
process.exit(faults.length === 0 ? 0 : 1);
