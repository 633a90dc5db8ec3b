import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { collectObjects } from '../../../container/snapshots/collect.ts';
import { dropSnapshots } from '../../../container/snapshots/drop.ts';
import { AGENT, agentGit, RIG, SnapshotScene, write } from './snapshot-scene.ts';

test('objects of dropped snapshots are collected, and nothing else', async () => {
  const scene = new SnapshotScene();
  try {
    const life = await scene.begin();
    let previous = null;
    for (let seq = 1; seq <= 5; seq += 1) {
      write(life.dir, { 'new.txt': `version ${seq}\n` });
      previous = (await life.captured({ seq, previous })).fingerprint;
    }
    await dropSnapshots(life.git, RIG, AGENT, { keep: [5] });
    write(life.dir, { 'staged.txt': 'staged\n' });
    agentGit(life.dir, 'add', 'staged.txt');
    agentGit(life.dir, 'commit', '--quiet', '--message', 'undone');
    const undone = agentGit(life.dir, 'rev-parse', 'HEAD').trim();
    agentGit(life.dir, 'reset', '--quiet', '--hard', 'HEAD^');
    const loose = (): number =>
      readdirSync(join(life.repo, 'objects'), { recursive: true }).filter((name) =>
        /^..\/.{38}$/.test(String(name)),
      ).length;
    expect(loose()).toBeGreaterThan(20);
    await collectObjects(life.git, RIG, 'now');
    expect(loose()).toBe(0);
    expect(agentGit(life.repo, 'fsck', '--connectivity-only')).toBe('');
    // The agent's way back through its reflog.
    expect(agentGit(life.dir, 'cat-file', '-t', undone).trim()).toBe('commit');
    write(life.dir, { 'new.txt': 'version 6\n' });
    const captured = await life.captured({ seq: 6, previous });
    expect((await scene.carry(life, captured)).report.outcome).toBe('restored');
    expect(agentGit(life.repo, 'count-objects', '-v')).toMatch(/^in-pack: [1-9]/m);
  } finally {
    scene.remove();
  }
});
