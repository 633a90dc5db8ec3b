import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../../dev/git-server/fault.ts';
import { startGitServer } from '../../../dev/git-server/git-server.ts';
import type { GitServer } from '../../../dev/git-server/git-server.ts';
import { asRelightError, readFailure, withoutSecrets } from '../../../container/git/errors.ts';
import type { FailureName } from '../../../src/rules/failure-policy.ts';
import { listRemoteRefs } from '../../../container/git/remote-refs.ts';
import { createGit } from '../../../container/git/run-git.ts';
import { planFor, RIG, run, Scene } from './scene.ts';

describe('what the words of git mean', () => {
  it.for([
    [
      'git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.',
      'git_auth',
    ],
    ['Host key verification failed.\nfatal: Could not read from remote repository.', 'git_host_key'],
    [
      'ERROR: The key you are authenticating with has been marked as read only.\nfatal: Could not',
      'git_auth',
    ],
    ['Timeout, server h not responding.\r\nfatal: the remote end hung up unexpectedly', 'git_unreachable'],
    [
      'remote: Write access to repository not granted.\nfatal: unable to access: The requested URL returned error: 403',
      'git_auth',
    ],
    ['ssh: Could not resolve hostname nope: Name or service not known\nfatal: Could not read', 'git_dns'],
    [
      'ssh: connect to host x port 22: Connection timed out\nfatal: Could not read from remote',
      'git_unreachable',
    ],
    ['error: RPC failed; HTTP 502 curl 22\nfatal: the remote end hung up unexpectedly', 'git_server'],
    [
      'error: RPC failed; curl 56 Recv failure: Connection reset by peer\nfatal: early EOF',
      'git_unreachable',
    ],
    ['fatal: write error: No space left on device\nfatal: index-pack failed', 'disk_full'],
    ['error: unable to write file src/a.ts\nfatal: Could not reset index file', 'disk_full'],
    ["fatal: cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create", 'git_ref_conflict'],
    ["fatal: 'x' is already used by worktree at '/w/a'", 'git_ref_conflict'],
    ['fatal: not a git repository (or any of the parent directories): .git', 'git_failed'],
    ['fatal: bad object HEAD', 'git_failed'],
    ['', 'git_failed'],
  ] as const)('%j is %s', ([words, code]) => {
    expect(readFailure('fetch', 128, words)).toMatchObject({ code, exitCode: 128 });
  });

  it('gives the decisive line as the reason, not the progress before it', () => {
    const words =
      'Receiving objects:  50% (1/2)\rReceiving objects: 100%\nerror: RPC failed; HTTP 503\nfatal: early EOF';
    expect(readFailure('fetch', 128, words).message).toBe('git fetch: RPC failed; HTTP 503');
  });

  it('does not read meaning into names of branches and files', () => {
    const words = ' * [new branch] certificate -> origin/connection-refused\nfatal: bad object HEAD';
    expect(readFailure('fetch', 128, words)).toMatchObject({
      code: 'git_failed',
      message: 'git fetch: bad object HEAD',
    });
  });

  it('takes names, passwords and tokens out of every URL', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9_@:!$-]{8,30}$/);
    fc.assert(
      fc.property(secret, secret, (name, password) => {
        const words = `fatal: unable to access 'https://${name}:${password}@host.example/x.git/': no`;
        expect(readFailure('fetch', 128, words).message).toBe(
          "git fetch: unable to access 'https://host.example/x.git/': no",
        );
      }),
    );
    expect(withoutSecrets('https://host/a@b http://t0ken@h/x')).toBe('https://host/a@b http://h/x');
  });

  it('disk full: is read from file system errors as well', () => {
    expect(asRelightError(new Error('ENOSPC: no space left on device, write')).code).toBe('disk_full');
    expect(asRelightError('odd').code).toBe('internal');
  });
});

describe('invariant 6: a server that fails is not a branch that is absent', () => {
  let scene: Scene;
  let server: GitServer;
  beforeAll(async () => {
    scene = new Scene({ settings: { limits: { noProgressMs: 400 } } });
    scene.push('gt/ada/b1', { 'a.txt': 'a\n' });
    server = await startGitServer({ rootDir: scene.remotes });
  });
  afterAll(async () => {
    await server.close();
    scene.remove();
  });

  it('lists branches and the default branch, and an absent branch is just not there', async () => {
    const refs = await listRemoteRefs(scene.git, RIG, `${server.url}/core.git`);
    expect(refs.defaultBranch).toBe('main');
    expect([...refs.heads.keys()].sort()).toEqual(['gt/ada/b1', 'main']);
    expect(refs.heads.get('main')).toBe(scene.remoteHead('main'));
  });

  it('lists an empty repository as having no branches', async () => {
    run(scene.remotes, 'init', '--quiet', '--bare', 'empty.git');
    const refs = await listRemoteRefs(scene.git, RIG, `${server.url}/empty.git`);
    expect(refs.heads.size).toBe(0);
  });

  it.for<[FailureName, Fault, string, boolean]>([
    ['git auth', { status: 401 }, 'git_auth', false],
    ['git auth', { status: 403 }, 'git_auth', false],
    ['git 404', { status: 404 }, 'git_not_found', false],
    ['git 404', { page: '<html><body>Welcome</body></html>' }, 'git_not_a_repository', false],
    ['git host fails', { status: 500 }, 'git_server', true],
    ['git host fails', { status: 503 }, 'git_server', true],
    ['git time-out', { hang: true }, 'git_unreachable', true],
  ])('%s: a server that answers %j is a rig that failed with %s', async ([, fault, code, retryable]) => {
    server.setFault('core', fault);
    const report = await scene.restore([planFor(`ada-${code}`)], { gitUrl: `${server.url}/core.git` });
    server.setFault('core', null);
    expect(report).toMatchObject({ status: 'failed', fault: { code, retryable } });
    expect(report.agents[0]).toMatchObject({ fault: { code } });
    expect(report.fault?.reason).toMatch(/^git ls-remote: /);
  });

  it.for([
    ['git DNS', 'http://does-not-exist.invalid/x.git', 'git_dns'],
    ['git time-out', 'http://127.0.0.1:1/x.git', 'git_unreachable'],
    ['git 404', '/does/not/exist.git', 'git_not_a_repository'],
  ] as const)('%s: %s fails with %s', async ([, url, code]) => {
    await expect(listRemoteRefs(scene.git, RIG, url)).rejects.toMatchObject({ code });
  });

  it('a repository that is missing from a real server is not found', async () => {
    const asked = listRemoteRefs(scene.git, RIG, `${server.url}/missing.git`);
    await expect(asked).rejects.toMatchObject({ code: 'git_not_found' });
  });
});

describe('invariant 10: credentials', () => {
  let scene: Scene;
  let server: GitServer;
  const helper = '!f() { echo username=bot; echo password=s3cret; }; f';
  beforeAll(async () => {
    scene = new Scene();
    const auth = (_repo: string, user: string, password: string): boolean =>
      user === 'bot' && password === 's3cret';
    server = await startGitServer({ rootDir: scene.remotes, auth });
    scene.url = `${server.url}/core.git`;
  });
  afterAll(async () => {
    await server.close();
    scene.remove();
  });

  it('come from the helper at the moment of use, and are written nowhere', async () => {
    const git = createGit({
      workspace: scene.workspace,
      credentials: (rig) => (rig === RIG ? { 'credential.helper': helper } : null),
    });
    const refs = await listRemoteRefs(git, RIG, scene.url);
    expect(refs.heads.size).toBe(1);
    const { restoreRig } = await import('../../../container/git/restore-rig.ts');
    const hooks = { onPhase: () => undefined, onAgent: () => undefined };
    const request = scene.request([planFor('ada')], { credential: true });
    const report = await restoreRig(git, RIG, request, hooks);
    expect(report.status).toBe('ready');
    for (const file of ['config', 'relight.config', 'worktrees/ada/relight-ready']) {
      expect(readFileSync(join(scene.repo, file), 'utf8')).not.toMatch(/s3cret|bot/);
    }
    expect(JSON.stringify(report)).not.toContain('s3cret');
  });

  it('are not asked for when the rig has none, nor where another rig has one', async () => {
    const git = createGit({
      workspace: scene.workspace,
      credentials: () => ({ 'credential.helper': helper }),
    });
    const asked = listRemoteRefs(git, RIG, scene.url, { credential: false });
    await expect(asked).rejects.toMatchObject({ code: 'git_auth' });
    const none = createGit({ workspace: scene.workspace, credentials: () => null });
    await expect(listRemoteRefs(none, RIG, scene.url)).rejects.toMatchObject({ code: 'git_auth' });
  });
});
