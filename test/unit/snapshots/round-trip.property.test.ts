import { readdirSync, rmSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Captured } from '../../../container/snapshots/capture.ts';
import { make, moves } from './agent-moves.ts';
import { observe } from './observe.ts';
import type { Life } from './snapshot-scene.ts';
import { SnapshotScene } from './snapshot-scene.ts';

const CASES = Number(process.env['RELIGHT_CASES'] ?? 300);
const CASE_MS = 2_000;

/** Properties that run side by side: most of a case is waiting for git. */
const LANES = 4;

/** The place of a left-out path: it is named as people read it, which bytes that are not UTF-8 do not survive. */
function placeOf(dir: string, readable: string): Buffer {
  let place = Buffer.from(dir);
  for (const part of readable.split('/')) {
    const names = readdirSync(place, { encoding: 'buffer' });
    const name = names.find((bytes) => bytes.toString('utf8') === part);
    if (name === undefined) throw new Error(`nothing is called ${readable}`);
    place = Buffer.concat([place, Buffer.from('/'), name]);
  }
  return place;
}

/** What a snapshot leaves out is gone after a restore; of a submodule the folder stays. */
function removeLeftOut({ dir }: Life, { meta }: Captured): void {
  for (const { path, reason } of meta.leftOut) {
    const place = placeOf(dir, path);
    const inside = reason.includes('submodule')
      ? readdirSync(place, { encoding: 'buffer' }).map((name) =>
          Buffer.concat([place, Buffer.from('/'), name]),
        )
      : [place];
    for (const each of inside) rmSync(each, { recursive: true });
  }
}

test.concurrent.each(Array.from({ length: LANES }, (_, lane) => lane))(
  'brings any worktree back as it was in a new clone (lane %i)',
  async () => {
    const property = fc.asyncProperty(moves, moves, async (early, late) => {
      const scene = new SnapshotScene();
      try {
        const life = await scene.begin();
        for (const step of early) await make(life.dir, step);
        const first = await life.captured();
        for (const step of late) await make(life.dir, step);
        const captured = (await life.capture({ seq: 2, previous: first.fingerprint })) ?? first;
        removeLeftOut(life, captured);
        const diffs = late.length % 4 === 0;
        const before = await observe(life.dir, { diffs });
        const { life: next, report } = await scene.carry(life, captured);
        expect(report.outcome).toBe('restored');
        expect(await observe(next.dir, { diffs })).toEqual(before);
      } finally {
        scene.remove();
      }
    });
    await fc.assert(property, { numRuns: Math.ceil(CASES / LANES), endOnFailure: true });
  },
  CASES * CASE_MS,
);
