import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../../dev/client.ts';
import { between, oneOf } from '../../../dev/random.ts';
import { containerOf } from './fault.ts';
import type { Fault, Scene } from './fault.ts';

/** Something fills the container's disk to the last block, and is removed later. */
const full: Fault = {
  name: 'disk full',
  lastsMs: { least: 500, most: 5_000 },
  endsBoot: false,
  unavailable: ({ noDisk }) => noDisk,
  strike: async (scene) => {
    const ballast = join(await workspaceOf(scene), 'ballast');
    for (let file = 0; ; file += 1) {
      try {
        const { bavail, bsize } = await statfs(join(ballast, '..'));
        await writeFile(
          `${ballast}${file}`,
          Buffer.alloc(Math.max(bsize, Math.min(bavail * bsize, 64 << 20))),
        );
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
        return () => removeAll(ballast, file);
      }
    }
  },
};

/** The container's clock jumps, forwards or backwards, by up to a day. */
const clockJump: Fault = {
  name: 'clock jumps',
  lastsMs: { least: 500, most: 5_000 },
  endsBoot: false,
  strike: async ({ arena, random, deeds }) => {
    deeds.wrongClock = true;
    await arena.setClock(oneOf(random, [-1, 1]) * between(random, 1_000, 86_400_000));
    return () => arena.setClock(0);
  },
};

export const MACHINE_FAULTS: readonly Fault[] = [full, clockJump];

function workspaceOf(scene: Scene): Promise<string> {
  return until('the container has its disk', 15_000, async () => {
    const { pid, dir } = await containerOf(scene);
    return scene.arena.workspaceOf(pid, dir);
  });
}

/** The last file may be there in part. What is gone went with its container. */
async function removeAll(ballast: string, last: number): Promise<void> {
  for (let file = 0; file <= last; file += 1) {
    try {
      await rm(`${ballast}${file}`, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EACCES')) throw error;
    }
  }
}
