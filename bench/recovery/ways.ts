import { execa } from 'execa';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import { z } from 'zod';
import { git } from '../../dev/git-server/git-command.ts';
import type { RestoreRequest } from '../../src/contract/control.ts';
import type { RepoCache } from '../../src/contract/repo-cache.ts';
import { CACHE_FILE } from './cache.ts';

/** What is to be brought back: so many agents in each of so many rigs, of what lies at these addresses. */
export interface Task {
  readonly dir: string;
  readonly rigs: number;
  readonly branches: readonly string[];
  readonly gitUrl: string;
  readonly tarUrl: string;
}

/** Milliseconds until the first and the last agent could start. */
export interface Times {
  readonly first: number;
  readonly last: number;
  readonly peakMb?: number;
}

const CHILD = fileURLToPath(new URL('restore-child.ts', import.meta.url));

/** A clone per rig, then its worktrees one after the other, then the agents: what comparable systems do. */
export async function naive({ dir, rigs, branches, gitUrl }: Task): Promise<Times> {
  const began = performance.now();
  for (let rig = 1; rig <= rigs; rig += 1) {
    const clone = join(dir, `rig${rig}`);
    await git(['clone', '--quiet', gitUrl, clone]);
    for (const branch of branches) {
      const worktree = join(dir, `rig${rig}-worktrees`, branch);
      await git(['-C', clone, 'worktree', 'add', '--quiet', '-b', branch, worktree, `origin/${branch}`]);
    }
  }
  const last = performance.now() - began;
  return { first: last, last };
}

/** Relight's control server. A second call in the same folder finds everything in place; `stored` is a cache to begin with. */
export async function restore(
  { dir, rigs, branches, gitUrl, tarUrl }: Task,
  stored: RepoCache | null = null,
): Promise<Times> {
  const requests: Record<string, RestoreRequest> = {};
  for (let rig = 1; rig <= rigs; rig += 1) requests[`rig${rig}`] = requestFor(gitUrl, branches);
  const cache = stored === null ? null : { url: `${tarUrl}/${CACHE_FILE}`, stored };
  const order = JSON.stringify({ workspace: dir, rigs: requests, cache });
  const { stdout } = await execa(process.execPath, [CHILD, order], { reject: false, stderr: 'inherit' });
  const answer = z
    .object({ first: z.number(), last: z.number(), peakMb: z.number(), faults: z.array(z.unknown()) })
    .parse(JSON.parse(stdout));
  if (answer.faults.length > 0) throw new Error(`a restore failed: ${JSON.stringify(answer.faults[0])}`);
  return answer;
}

/** The least that any way has to do: the files of each agent as a plain tar, through the same link, extracted. */
export async function floor({ dir, rigs, branches, tarUrl }: Task): Promise<Times> {
  const began = performance.now();
  const pool = pLimit(availableParallelism());
  const ready: number[] = [];
  const trees = Array.from({ length: rigs }, (_, rig) => branches.map((_branch, n) => ({ rig, n }))).flat();
  await Promise.all(
    trees.map(async ({ rig, n }) =>
      pool(async () => {
        const target = join(dir, `rig${rig}-agent${n}`);
        await mkdir(target, { recursive: true });
        const response = await fetch(`${tarUrl}/${n}.tar`);
        if (response.body === null || !response.ok) throw new Error(`no tar: ${response.status}`);
        await execa('tar', ['-x', '-C', target], { stdin: response.body });
        ready.push(performance.now() - began);
      }),
    ),
  );
  return { first: Math.min(...ready), last: Math.max(...ready) };
}

function requestFor(gitUrl: string, branches: readonly string[]): RestoreRequest {
  return {
    life: { bootId: '0'.repeat(32), generation: 1 },
    recoveryId: null,
    event: null,
    gitUrl,
    defaultBranch: null,
    credential: false,
    setupCommand: null,
    history: 'full',
    sparse: [],
    snapshots: {
      store: 'r2',
      refSpace: 'private',
      home: 'bench.1',
      intervalSeconds: 10,
      maxFileBytes: 50_000_000,
    },
    agents: branches.map((branch) => ({
      agent: branch.split('/')[1] ?? '',
      bead: 'b1',
      branch,
      baseBranch: null,
      checkpointHead: null,
      snapshot: null,
      older: [],
      pinned: [],
    })),
    hooked: null,
    files: null,
  };
}
