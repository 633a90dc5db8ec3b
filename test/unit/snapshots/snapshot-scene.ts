import { execFile, execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll } from 'vitest';
import { repoDir, worktreeDir } from '../../../container/git/layout.ts';
import { createGit } from '../../../container/git/run-git.ts';
import type { Git } from '../../../container/git/run-git.ts';
import { KnownSecrets } from '../../../container/known-secrets.ts';
import { readBundle, writeBundle } from '../../../container/snapshots/bundle.ts';
import { capture } from '../../../container/snapshots/capture.ts';
import type { Captured, CaptureRequest } from '../../../container/snapshots/capture.ts';
import { putBack } from '../../../container/snapshots/put-back.ts';
import type { PutBackReport, PutBackRequest } from '../../../container/snapshots/put-back.ts';

export const RIG = 'core';
export const AGENT = 'ada';
export const BRANCH = 'gt/ada/b1';

const run = promisify(execFile);

const SETTINGS: Readonly<Record<string, string>> = {
  'core.fsync': 'none',
  'core.editor': 'true',
  'advice.addEmbeddedRepo': 'false',
  'commit.gpgSign': 'false',
};

/** The environment of an agent's own git. */
export const AGENT_ENV = {
  PATH: process.env['PATH'],
  LANG: 'C',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
  GIT_CONFIG_COUNT: String(Object.keys(SETTINGS).length),
  ...Object.fromEntries(
    Object.entries(SETTINGS).flatMap(([key, value], n) => [
      [`GIT_CONFIG_KEY_${n}`, key],
      [`GIT_CONFIG_VALUE_${n}`, value],
    ]),
  ),
};

/** Runs a shell script as the agent would; what fails in it fails. */
export async function tryRun(dir: string, script: string, variables: Record<string, string>): Promise<void> {
  const child = run('sh', ['-c', script], { cwd: dir, env: { ...AGENT_ENV, ...variables } });
  await child.catch((error: unknown) => error);
}

/** A folder that is thrown away, on a disk that is quick to make and remove files on. */
export function makeFolder(name: string): string {
  return realpathSync(mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `relight-${name}-`)));
}

/** Runs git as the agent would; its standard output. Throws with git's words. */
export function agentGit(dir: string, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd: dir,
    env: AGENT_ENV,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** As `agentGit`, while other work goes on. */
export async function git(dir: string, ...args: string[]): Promise<string> {
  return (await run('git', args, { cwd: dir, env: AGENT_ENV, maxBuffer: 1e8 })).stdout;
}

/** As `git`, for a command that may fail: whether it did not. */
export async function tryGit(dir: string, ...args: string[]): Promise<boolean> {
  try {
    await git(dir, ...args);
    return true;
  } catch {
    return false;
  }
}

/** Writes files below `dir`, by relative path. */
export function write(dir: string, files: Record<string, string | Buffer>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
}

/** Commits one file as the agent would; the commit. */
export function commit(dir: string, file: string, message = file): string {
  write(dir, { [file]: `${message}\n` });
  agentGit(dir, 'add', '--all');
  agentGit(dir, 'commit', '--quiet', '--message', message);
  return agentGit(dir, 'rev-parse', 'HEAD').trim();
}

/** Files that the remote's `main` starts with. */
export const FIRST_FILES: Record<string, string> = {
  'README.md': 'hello\n$Id$\n',
  'src/index.js': 'export {};\r\n',
};

let pattern: string | null = null;

afterAll(() => {
  if (pattern !== null) rmSync(pattern, { recursive: true, force: true });
  pattern = null;
});

/** A remote, and a container's repository that has fetched from it; made once, and copied for every scene. */
function patternFolder(): string {
  if (pattern !== null) return pattern;
  const root = makeFolder('snapshots-pattern');
  pattern = root;
  const [remote, first, repo] = [join(root, 'remote.git'), join(root, 'first'), join(root, 'repo.git')];
  agentGit(root, 'init', '--quiet', '--bare', '--template=', '--initial-branch=main', remote);
  agentGit(root, 'init', '--quiet', '--template=', '--initial-branch=main', first);
  write(first, FIRST_FILES);
  agentGit(first, 'add', '--all');
  agentGit(first, 'commit', '--quiet', '--message', 'first');
  agentGit(first, 'push', '--quiet', remote, 'HEAD:refs/heads/main');
  agentGit(root, 'init', '--quiet', '--bare', '--template=', repo);
  mkdirSync(join(repo, 'info'));
  agentGit(repo, 'remote', 'add', 'origin', 'REMOTE');
  agentGit(repo, 'fetch', '--quiet', remote, '+refs/heads/*:refs/remotes/origin/*');
  return root;
}

/** One life of a container: a workspace with the rig's repository and the agent's worktree. */
export class Life {
  readonly git: Git;
  readonly dir: string;
  readonly repo: string;

  constructor(root: string, remote: string) {
    this.git = createGit({ workspace: root });
    this.repo = repoDir(this.git.workspace, RIG);
    this.dir = worktreeDir(this.git.workspace, RIG, AGENT);
    mkdirSync(dirname(this.dir), { recursive: true });
    cpSync(join(patternFolder(), 'repo.git'), this.repo, { recursive: true });
    const config = join(this.repo, 'config');
    writeFileSync(config, readFileSync(config, 'utf8').replace('REMOTE', remote));
  }

  /** Fetches what the remote has by now and makes the worktree, as `container/git` does. */
  async check(branch: string, { hasNews }: { hasNews: boolean }): Promise<void> {
    if (hasNews) await git(this.repo, 'fetch', '--quiet', 'origin', '+refs/heads/*:refs/remotes/origin/*');
    const start = this.tipOf(`refs/remotes/origin/${branch}`) === null ? 'main' : branch;
    const args = [
      'worktree',
      'add',
      '--quiet',
      '--no-track',
      '-b',
      branch,
      this.dir,
      `refs/remotes/origin/${start}`,
    ];
    await git(this.repo, ...args);
  }

  /** The commit of a ref, which the tests only ever have loose. */
  tipOf(ref: string): string | null {
    const file = join(this.repo, ref);
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : null;
  }

  capture(more: Partial<CaptureRequest> = {}): Promise<Captured | null> {
    return capture(this.git, {
      rig: RIG,
      agent: AGENT,
      dir: this.dir,
      bead: 'b1',
      branch: BRANCH,
      generation: 1,
      seq: 1,
      previous: null,
      secrets: new KnownSecrets([]),
      ...more,
    });
  }

  /** A capture that has to bring something. */
  async captured(more: Partial<CaptureRequest> = {}): Promise<Captured> {
    const captured = await this.capture(more);
    if (captured === null) throw new Error('nothing was captured');
    return captured;
  }

  putBack(snapshot: PutBackRequest['snapshot'], more: Partial<PutBackRequest> = {}): Promise<PutBackReport> {
    const remoteTip = this.tipOf(`refs/remotes/origin/${BRANCH}`);
    const request = {
      rig: RIG,
      agent: AGENT,
      dir: this.dir,
      branch: BRANCH,
      bead: 'b1',
      snapshot,
      remoteTip,
      generation: 1,
    };
    return putBack(this.git, { ...request, ...more });
  }
}

/** A remote, and the lives of containers that work on it. */
export class SnapshotScene {
  readonly root = makeFolder('snapshots');
  readonly remote = join(this.root, 'remote.git');
  #lives = 0;

  constructor() {
    cpSync(join(patternFolder(), 'remote.git'), this.remote, { recursive: true });
  }

  /** A container with a new disk. */
  async begin(): Promise<Life> {
    this.#lives += 1;
    const root = join(this.root, `life${this.#lives}`);
    mkdirSync(root);
    const life = new Life(root, this.remote);
    const hasNews = existsSync(join(this.remote, 'refs', 'heads', BRANCH));
    await life.check(BRANCH, { hasNews });
    return life;
  }

  /** The commits that the remote has, as it says itself. */
  tips(): string[] {
    const heads = ['main', BRANCH].map((branch) => join(this.remote, 'refs', 'heads', branch));
    return heads.filter((file) => existsSync(file)).map((file) => readFileSync(file, 'utf8').trim());
  }

  /** Carries a snapshot as a bundle to a new life, and puts it back there. */
  async carry(from: Life, captured: Captured): Promise<{ life: Life; report: PutBackReport }> {
    const file = join(this.root, 'snapshot.bundle');
    await writeBundle(from.git, RIG, captured, { onRemote: this.tips(), file });
    const life = await this.begin();
    return { life, report: await life.putBack(await readBundle(life.git, RIG, file)) };
  }

  /** Captures, and carries the snapshot to a new life. */
  async carryOver(from: Life): Promise<{ life: Life; report: PutBackReport; captured: Captured }> {
    const captured = await from.captured();
    return { ...(await this.carry(from, captured)), captured };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}
