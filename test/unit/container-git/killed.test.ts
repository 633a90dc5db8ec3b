import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startGitServer } from '../../../dev/git-server/git-server.ts';
import type { GitServer } from '../../../dev/git-server/git-server.ts';
import { planFor, RIG, run, Scene, write } from './scene.ts';

const CHILD = fileURLToPath(new URL('restore-child.ts', import.meta.url));
const AGENTS = ['ada', 'bob', 'carl', 'dora'];

describe('invariant 3: a restore may be killed anywhere and run again', () => {
  let scene: Scene;
  let server: GitServer;
  beforeEach(async () => {
    scene = new Scene();
    server = await startGitServer({ rootDir: scene.remotes });
    scene.url = `${server.url}/core.git`;
    const files: Record<string, string> = {};
    for (let n = 0; n < 240; n += 1) files[`src/${n % 20}/${n}.txt`] = `file ${n}\n`.repeat(20);
    scene.push('main', files);
    scene.push('gt/bob/b1', { 'b.txt': 'b\n' });
  });
  afterEach(async () => {
    await server.close();
    scene.remove();
  });

  /** Starts a restore in a process of its own and kills it, or it with all its git processes, after `ms`. */
  async function killAfter(ms: number, whole: boolean): Promise<void> {
    const request = scene.request(AGENTS.map((agent) => planFor(agent)));
    const order = JSON.stringify({ workspace: scene.workspace, rig: RIG, request });
    const child = spawn(process.execPath, [CHILD, order], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    await Promise.race([once(child.stdout, 'data'), closed]);
    await pause(ms);
    const { pid } = child;
    if (pid !== undefined && child.exitCode === null) process.kill(whole ? -pid : pid, 'SIGKILL');
    await closed;
    expect(child.exitCode).not.toBe(1);
  }

  it.for([true, false])('with the git processes under it: %s', { timeout: 60_000 }, async (whole) => {
    for (let round = 0; round < 6; round += 1) await killAfter(20 + round * 45, whole);
    const report = await scene.restore(AGENTS.map((agent) => planFor(agent)));
    expect(report).toMatchObject({ status: 'ready', fault: null });
    for (const { agent, head, files, fault } of report.agents) {
      expect(fault).toBeNull();
      const dir = scene.dir(agent);
      expect(run(dir, 'status', '--porcelain')).toBe('');
      expect(run(dir, 'rev-parse', 'HEAD')).toBe(head);
      expect(head).toBe(scene.remoteHead(agent === 'bob' ? 'gt/bob/b1' : 'main'));
      expect(files).toBe(agent === 'bob' ? 243 : 242);
      write(dir, { 'work.txt': agent });
      run(dir, 'add', '.');
      run(dir, 'commit', '--quiet', '-m', 'work');
      // Not through the server, which lives in this process and cannot answer while it waits for git.
      run(dir, 'push', '--quiet', scene.remote, 'HEAD');
    }
    expect(readdirSync(dirname(scene.dir('ada'))).sort()).toEqual(AGENTS);
    expect(run(scene.repo, 'worktree', 'list').split('\n')).toHaveLength(AGENTS.length + 1);
    expect(run(scene.repo, 'fsck', '--connectivity-only', '--no-dangling')).toBe('');
  });
});
