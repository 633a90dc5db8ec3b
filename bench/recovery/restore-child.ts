import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { z } from 'zod';
import { CacheIntake } from '../../container/cache/intake.ts';
import { restoreRig } from '../../container/git/restore-rig.ts';
import { createGit } from '../../container/git/run-git.ts';
import { RestoreRequest } from '../../src/contract/control.ts';
import { RepoCache } from '../../src/contract/repo-cache.ts';

/** The control server's restore alone, of all rigs at once: prints when which agent could start, and its peak memory. */
const { workspace, rigs, cache } = z
  .object({
    workspace: z.string(),
    rigs: z.record(z.string(), RestoreRequest),
    cache: z.object({ url: z.string(), stored: RepoCache }).nullable(),
  })
  .parse(JSON.parse(process.argv[2] ?? ''));
const git = createGit({ workspace });
const began = performance.now();
const ready: number[] = [];
const faults: unknown[] = [];
await Promise.all(
  Object.entries(rigs).map(async ([rig, request]) => {
    const intake = cache === null ? undefined : intakeOf(rig, cache);
    const report = await restoreRig(git, rig, request, {
      onPhase: () => undefined,
      onAgent: () => ready.push(performance.now() - began),
      cache: intake,
    });
    await intake?.end();
    if (cache !== null && intake?.outcome?.fault !== null)
      faults.push({ cache: intake?.outcome ?? 'not used' });
    faults.push(
      ...[report.fault, ...report.agents.map(({ fault }) => fault)].filter((fault) => fault !== null),
    );
  }),
);
const peakMb = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ first: Math.min(...ready), last: Math.max(...ready), peakMb, faults }));
process.exit(faults.length === 0 ? 0 : 1);

function intakeOf(rig: string, { url, stored }: { url: string; stored: RepoCache }): CacheIntake {
  const open = async (signal: AbortSignal): Promise<ReadableStream<Uint8Array>> => {
    const { body } = await fetch(url, { signal });
    if (body === null) throw new Error('no cache');
    return body;
  };
  return new CacheIntake({ git, rig, cache: stored, open });
}
