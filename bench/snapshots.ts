import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { repoDir, worktreeDir } from '../container/git/layout.ts';
import { createGit } from '../container/git/run-git.ts';
import { KnownSecrets } from '../container/known-secrets.ts';
import { capture } from '../container/snapshots/capture.ts';
import type { Captured, CaptureRequest, Fingerprint } from '../container/snapshots/capture.ts';
import { median } from './statistics.ts';

const FILES = 5_000;
const FILES_A_FOLDER = 20;
const ROUNDS = 7;
const [UNCHANGED_MAX, ONE_FILE_MAX] = [1.5, 3];

/** So many worktrees in which nothing happens are looked at this often, in seconds, and may cost this share of a core. */
const [IDLE_WORKTREES, IDLE_INTERVAL, IDLE_MAX_PERCENT] = [32, 600, 1];

const run = promisify(execFile);
const ENV = {
  PATH: process.env['PATH'],
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'bench',
  GIT_AUTHOR_EMAIL: 'bench@localhost',
  GIT_COMMITTER_NAME: 'bench',
  GIT_COMMITTER_EMAIL: 'bench@localhost',
};

function git(dir: string, ...args: string[]): void {
  execFileSync('git', args, { cwd: dir, env: ENV, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** A rig with one agent's worktree of 5,000 files. */
async function makeWorktree(root: string): Promise<Omit<CaptureRequest, 'seq' | 'previous'>> {
  const [rig, agent, branch] = ['bench', 'ada', 'gt/ada/b1'];
  const [repo, dir] = [repoDir(root, rig), worktreeDir(root, rig, agent)];
  mkdirSync(dirname(dir), { recursive: true });
  git(root, 'init', '--quiet', '--bare', '--template=', repo);
  git(repo, 'worktree', 'add', '--quiet', '--detach', dir, await emptyCommit(repo));
  git(dir, 'checkout', '--quiet', '-b', branch);
  for (let n = 0; n < FILES; n += 1) {
    const folder = join(
      dir,
      `part${Math.floor(n / FILES_A_FOLDER / 16)}`,
      `folder${Math.floor(n / FILES_A_FOLDER)}`,
    );
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file${n}.ts`), `export const value${n} = ${n};\n`.repeat(40));
  }
  git(dir, 'add', '--all');
  git(dir, 'commit', '--quiet', '--message', 'all files');
  // As after a fetch: objects are packed.
  git(repo, 'repack', '--quiet', '-a', '-d');
  return { rig, agent, dir, branch, bead: 'b1', generation: 1, secrets: new KnownSecrets([]) };
}

async function emptyCommit(repo: string): Promise<string> {
  const tree = (await run('git', ['hash-object', '-t', 'tree', '-w', '/dev/null'], { cwd: repo, env: ENV }))
    .stdout;
  const commit = await run('git', ['commit-tree', tree.trim(), '-m', 'nothing'], { cwd: repo, env: ENV });
  return commit.stdout.trim();
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Compares captures of an unchanged worktree and of one changed file with `git status`; prints medians and ratios. */
async function main(): Promise<void> {
  const disk = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const root = realpathSync(mkdtempSync(join(disk, 'relight-bench-')));
  try {
    const worktree = await makeWorktree(root);
    const runner = createGit({ workspace: root });
    let seq = 0;
    const take = async (previous: Fingerprint | null): Promise<Captured | null> => {
      seq += 1;
      return capture(runner, { ...worktree, seq, previous });
    };
    // Files of the same second as their index are read again by git at every status.
    await pause(1_100);
    const status = async (): Promise<unknown> =>
      run('git', ['status', '--porcelain=v2'], { cwd: worktree.dir, env: ENV });
    await status();
    const times = { status: [0], first: [0], unchanged: [0], oneFile: [0], newFile: [0], idleCpu: [0] };
    for (const list of Object.values(times)) list.length = 0;
    let fingerprint: Fingerprint | null = null;
    const takeAnew = async (): Promise<void> => {
      const captured = await take(fingerprint);
      if (captured === null) throw new Error('a change was not seen');
      fingerprint = captured.fingerprint;
    };
    times.first.push(await timed(takeAnew));
    for (let round = 0; round < ROUNDS; round += 1) {
      // Long enough for what was written to be old enough to be trusted.
      await pause(50);
      await take(fingerprint);
      times.status.push(await timed(status));
      const before = process.cpuUsage();
      times.unchanged.push(
        await timed(async () => {
          if ((await take(fingerprint)) !== null) throw new Error('a change was seen where there is none');
        }),
      );
      // An unchanged worktree starts no process of git's: all it costs is spent here.
      const { user, system } = process.cpuUsage(before);
      times.idleCpu.push((user + system) / 1000);
      writeFileSync(join(worktree.dir, 'part0/folder1/file25.ts'), `export const round = ${round};\n`);
      times.oneFile.push(await timed(takeAnew));
      writeFileSync(join(worktree.dir, `part1/folder20/new${round}.ts`), `export const round = ${round};\n`);
      times.newFile.push(await timed(takeAnew));
    }
    report(times);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function report(
  times: Record<'status' | 'first' | 'unchanged' | 'oneFile' | 'newFile' | 'idleCpu', readonly number[]>,
): void {
  const status = median(times.status);
  const line = (name: string, values: readonly number[], limit?: number): void => {
    const ratio = median(values) / status;
    const bound = limit === undefined ? '' : `  (at most ${limit}${ratio <= limit ? '' : ': MISSED'})`;
    console.log(
      `${name.padEnd(28)} ${median(values).toFixed(1).padStart(7)} ms  ${ratio.toFixed(2)}${bound}`,
    );
  };
  console.log(`${FILES} files, medians of ${ROUNDS}, as ratios to git status`);
  line('git status', times.status);
  line('first capture', times.first);
  line('unchanged', times.unchanged, UNCHANGED_MAX);
  line('one changed file', times.oneFile, ONE_FILE_MAX);
  line('one new file', times.newFile, ONE_FILE_MAX);
  const percent = (median(times.idleCpu) * IDLE_WORKTREES) / (IDLE_INTERVAL * 10);
  const bound = `at most ${IDLE_MAX_PERCENT}${percent <= IDLE_MAX_PERCENT ? '' : ': MISSED'}`;
  console.log(
    `${IDLE_WORKTREES} unchanged worktrees, each looked at every ${IDLE_INTERVAL} s: ${percent.toFixed(1)} % of a core  (${bound})`,
  );
}

await main();
