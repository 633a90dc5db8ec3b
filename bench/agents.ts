import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openFarSide } from './recovery/far-side.ts';
import { inFolder } from './folder.ts';
import { makeSource } from './recovery/source.ts';
import { openTown } from './recovery/town.ts';

const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    agents: { type: 'string', default: '32' },
    seconds: { type: 'string', default: '60' },
  },
});

const [IDLE_MAX_PERCENT, MEMORY_MAX_MIB] = [1, 150];
/** Until the start of the agents is over for everybody, and nothing is left of it to be done. */
const SETTLE_MS = 30_000;
const TICKS_A_SECOND = 100;

const IDLE = 'exec sleep 600';
/** A line of 1 KiB, a thousand times a second, about. */
const LOUD = `line=$(printf 'x%.0s' $(seq 1023)); while :; do for n in $(seq 100); do echo "$line"; done; sleep 0.1; done`;

await inFolder(async (dir) => {
  const agents = Number(options.agents);
  const rootDir = join(dir, 'served');
  const { branches } = await makeSource(rootDir, { repo: null, commits: 100, agents: 0, branches: agents });
  const far = await openFarSide({ rootDir, rttMs: 30, mbit: 400 });
  try {
    for (const [name, rest] of [
      ['idle', IDLE],
      ['writing 1 MB/s each', LOUD],
    ] as const) {
      const town = await openTown({ dir: join(dir, name), rigs: 1, branches, gitUrl: far.gitUrl, rest });
      try {
        console.log(`${agents} agents, ${name}: ${await town.lit(async (pid) => watch(pid))}`);
      } finally {
        await town.close();
      }
    }
  } finally {
    await far.close();
  }
});

/** What the control server takes of a core and of memory while its agents live. */
async function watch(pid: number): Promise<string> {
  await pause(SETTLE_MS);
  const [before, began] = [cpuSeconds(pid), performance.now()];
  let peakMib = 0;
  while (performance.now() - began < Number(options.seconds) * 1000) {
    await pause(250);
    peakMib = Math.max(peakMib, memoryMib(pid));
  }
  const percent = ((cpuSeconds(pid) - before) / ((performance.now() - began) / 1000)) * 100;
  return (
    `${percent.toFixed(2)} % of a core (idle at most ${IDLE_MAX_PERCENT}), ` +
    `peak ${peakMib.toFixed(0)} MiB (at most ${MEMORY_MAX_MIB})`
  );
}

/** User and system time of one process (proc(5), `/proc/<pid>/stat`). */
function cpuSeconds(pid: number): number {
  const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const fields = rest.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/** Resident memory of one process (proc(5), `VmRSS`). */
function memoryMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
