import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { createGit } from '../../../container/git/run-git.ts';
import type { Git, GitSettings } from '../../../container/git/run-git.ts';
import { repoDir, worktreeDir } from '../../../container/git/layout.ts';
import { restoreRig } from '../../../container/git/restore-rig.ts';
import type { RestoreHooks } from '../../../container/git/restore-context.ts';
import type { RestoreRequest, WorktreePlan } from '../../../src/contract/control.ts';
import type { AgentReport, RigReport } from '../../../src/contract/recovery.ts';

export const RIG = 'core';

const ENV = {
  PATH: process.env['PATH'],
  LANG: 'C',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Agent',
  GIT_AUTHOR_EMAIL: 'agent@example.com',
  GIT_COMMITTER_NAME: 'Agent',
  GIT_COMMITTER_EMAIL: 'agent@example.com',
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: 'core.fsync',
  GIT_CONFIG_VALUE_0: 'none',
};

/** Runs git as an agent or a colleague would; trimmed standard output. Throws with git's words. */
export function run(dir: string, ...args: string[]): string {
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  return execFileSync('git', args, { cwd: dir, env: ENV, encoding: 'utf8', stdio: [...stdio] }).trimEnd();
}

/** Writes files below `dir`, by relative path. */
export function write(dir: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
}

function commitAndPush(
  dir: string,
  branch: string,
  { files, from }: { files: Record<string, string>; from: string },
): string {
  const branches = run(dir, 'branch', '--format=%(refname:short)').split('\n');
  if (branches.includes(branch)) run(dir, 'checkout', '--quiet', branch);
  else if (branches[0] !== '') run(dir, 'checkout', '--quiet', '-b', branch, from);
  write(dir, files);
  run(dir, 'add', '--all');
  run(dir, 'commit', '--quiet', '--message', `change ${branch}`);
  run(dir, 'push', '--quiet', 'origin', `HEAD:refs/heads/${branch}`);
  return run(dir, 'rev-parse', 'HEAD');
}

function makeFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'relight-git-')));
}

const patterns = new Map<string, string>();

/** A folder with a remote and a colleague's clone of it, made once for all scenes that start alike. */
function patternOf(defaultBranch: string, commits: boolean): string {
  const key = `${defaultBranch} ${commits}`;
  const made = patterns.get(key);
  if (made !== undefined) return made;
  const root = makeFolder();
  const [remote, colleague] = [join(root, 'remotes', 'core.git'), join(root, 'colleague')];
  run(root, 'init', '--quiet', '--bare', `--initial-branch=${defaultBranch}`, '--template=', remote);
  run(remote, 'config', 'http.receivepack', 'true');
  run(root, 'init', '--quiet', `--initial-branch=${defaultBranch}`, '--template=', colleague);
  run(colleague, 'remote', 'add', 'origin', '../remotes/core.git');
  const files = { 'README.md': 'hello\n', 'src/index.js': 'export {};\n' };
  if (commits) commitAndPush(colleague, defaultBranch, { files, from: 'HEAD' });
  patterns.set(key, root);
  return root;
}

afterAll(() => {
  for (const root of patterns.values()) rmSync(root, { recursive: true, force: true });
  patterns.clear();
});

/** A remote with one clone of a colleague, and a workspace of a control server, in a folder that is thrown away. */
export class Scene {
  readonly root: string;
  readonly remotes: string;
  readonly remote: string;
  readonly colleague: string;
  readonly workspace: string;
  readonly git: Git;
  url: string;

  constructor({ defaultBranch = 'main', commits = true, settings = {} }: SceneOptions = {}) {
    this.root = makeFolder();
    this.remotes = join(this.root, 'remotes');
    this.remote = join(this.remotes, 'core.git');
    this.colleague = join(this.root, 'colleague');
    this.workspace = join(this.root, 'workspace');
    this.url = this.remote;
    cpSync(patternOf(defaultBranch, commits), this.root, { recursive: true });
    this.git = createGit({ workspace: this.workspace, ...settings });
  }

  /** The colleague commits files on a branch (made from `from` where it is new) and pushes; the new commit. */
  push(branch: string, files: Record<string, string>, from = 'HEAD'): string {
    return commitAndPush(this.colleague, branch, { files, from });
  }

  get repo(): string {
    return repoDir(this.workspace, RIG);
  }

  dir(agent: string): string {
    return worktreeDir(this.workspace, RIG, agent);
  }

  remoteHead(branch: string): string {
    return run(this.remote, 'for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`);
  }

  request(agents: WorktreePlan[], more: Partial<RestoreRequest> = {}): RestoreRequest {
    return {
      life: { bootId: '0123456789abcdef0123456789abcdef', generation: 1 },
      recoveryId: null,
      event: null,
      gitUrl: this.url,
      defaultBranch: null,
      credential: false,
      setupCommand: null,
      history: 'full',
      sparse: [],
      snapshots: {
        store: 'r2',
        refSpace: 'private',
        home: 'town.1',
        intervalSeconds: 10,
        maxFileBytes: 1_000_000,
      },
      agents,
      hooked: null,
      files: null,
      ...more,
    };
  }

  restore(
    agents: WorktreePlan[],
    more: Partial<RestoreRequest> = {},
    hooks: Partial<RestoreHooks> = {},
  ): Promise<RigReport> {
    const heard: RestoreHooks = { onPhase: () => undefined, onAgent: () => undefined, ...hooks };
    return restoreRig(this.git, RIG, this.request(agents, more), heard);
  }

  /** Restores one agent and returns its report. Throws the rig's fault. */
  async restoreOne(plan: WorktreePlan, more: Partial<RestoreRequest> = {}): Promise<AgentReport> {
    const report = await this.restore([plan], more);
    const [agent] = report.agents;
    if (report.fault !== null || agent === undefined) throw new Error(report.fault?.reason ?? 'no agent');
    return agent;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}

export interface SceneOptions {
  readonly defaultBranch?: string;
  readonly commits?: boolean;
  readonly settings?: Partial<GitSettings>;
}

/** The plan of one agent, on branch `gt/<agent>/b1` unless said otherwise. */
export function planFor(agent: string, more: Partial<WorktreePlan> = {}): WorktreePlan {
  const branch = `gt/${agent}/b1`;
  return {
    agent,
    bead: 'b1',
    branch,
    baseBranch: null,
    checkpointHead: null,
    snapshot: null,
    older: [],
    pinned: [],
    ...more,
  };
}
