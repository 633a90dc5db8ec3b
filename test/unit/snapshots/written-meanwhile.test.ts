import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Git } from '../../../container/git/run-git.ts';
import { KnownSecrets } from '../../../container/known-secrets.ts';
import { capture } from '../../../container/snapshots/capture.ts';
import { AGENT, agentGit, BRANCH, RIG, SnapshotScene } from './snapshot-scene.ts';

/** Large enough to be read by git, whose start is a moment to write in. */
const STAGED = 'staged\n'.repeat(50_000);

let scene: SnapshotScene;
beforeEach(() => {
  scene = new SnapshotScene();
});
afterEach(() => scene.remove());

test('a file that is staged, and written again while it is captured, comes back as one that git sees was changed', async () => {
  const life = await scene.begin();
  const file = join(life.dir, 'README.md');
  const { fingerprint } = await life.captured();
  writeFileSync(file, STAGED);
  await delay(1_100); // Until git trusts the status of the file: it does not in the second in which it writes its index.
  agentGit(life.dir, 'add', 'README.md');
  const git: Git = {
    ...life.git,
    run: async (dir, args, command) => {
      if (args.includes('hash-object')) writeFileSync(file, 'written between the look and the reading\n');
      return life.git.run(dir, args, command);
    },
  };
  const about = { rig: RIG, agent: AGENT, dir: life.dir, bead: 'b1', branch: BRANCH, generation: 1 };
  const secrets = new KnownSecrets([]);
  const captured = await capture(git, { ...about, seq: 2, previous: fingerprint, secrets });
  if (captured === null) throw new Error('the change was not seen');
  const { life: next } = await scene.carry(life, captured);
  expect(agentGit(next.dir, 'show', ':README.md')).toBe(STAGED);
  expect(agentGit(next.dir, 'diff', '--name-only')).toBe('README.md\n');
});
