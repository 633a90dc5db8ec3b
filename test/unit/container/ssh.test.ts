import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createRepository } from '../../../dev/git-server/repository.ts';
import { makeSshKey, type SshGitServer, startSshGitServer } from '../../../dev/git-server/ssh-server.ts';
import type { Credential } from '../../../src/contract/callbacks.ts';
import { type ControlProcess, makeWorkspace, startControl } from './control-process.ts';
import { eventually, type FakeWorker, problem, startFakeWorker } from './fake-worker.ts';
import { output } from './worktrees.ts';
import { COMMIT, restore } from './restore-with-credential.ts';

function answerWith(worker: FakeWorker, credential: Credential): void {
  worker.answer('credential', () => ({ status: 200, json: credential }));
}

/** A git host that speaks ssh, with the repositories `rig` and `other`, for one test. */
async function startHost(allows: (publicKey: string) => boolean, port = 0): Promise<SshGitServer> {
  const rootDir = await makeWorkspace();
  for (const name of ['rig', 'other']) await createRepository(rootDir, name, { from: import.meta.dirname });
  const host = await startSshGitServer({ rootDir, allows, port });
  onTestFinished(async () => await host.close());
  return host;
}

/** The command lines of the ssh-agents of one control server. */
async function sshAgents(workspace: string): Promise<string[]> {
  const processes = await output('ps', ['axww', '-o', 'args']);
  return processes.split('\n').filter((line) => line.startsWith('ssh-agent') && line.includes(workspace));
}

/** A control server with its fake Worker. */
async function open(): Promise<{ worker: FakeWorker; control: ControlProcess }> {
  const worker = await startFakeWorker();
  return { worker, control: await startControl(worker.url) };
}

describe('a rig with an ssh URL and a deploy key', () => {
  test('is fetched and pushed, also by its agent, whose git signs with a key that it never sees', async () => {
    const key = makeSshKey();
    const host = await startHost((publicKey) => publicKey === key.publicKey);
    const town = await open();
    const { worker, control } = town;
    answerWith(worker, { privateKey: key.privateKey, knownHosts: host.knownHosts });
    const report = await restore(town, `${host.url}/rig.git`);
    expect(report).toMatchObject({ status: 'ready', fault: null });
    expect(report.agents[0]?.warnings).not.toContainEqual(expect.stringContaining('pushing may fail'));

    const [secretLine = ''] = key.privateKey.split('\n').slice(2);
    expect(secretLine.length).toBeGreaterThan(60);
    const push = `${COMMIT} --allow-empty -m Mine && git fetch -q && git push -q origin HEAD && env > env.txt`;
    // The last word but one of the setting is the socket that signs.
    const find = `eval set -- $(git config core.sshCommand); export SSH_AUTH_SOCK=$4`;
    const meddle = `(${find}; ssh-add -D; ssh-add -L; ssh-add -x </dev/null)`;
    await control.start('a', {
      command: `${push}; ${meddle}; git push -q origin HEAD:more; gt done --discard`,
    });
    const { exit } = await worker.call('exit');
    expect(exit).toMatchObject({ code: 0, tail: expect.stringContaining('bead-1 is done') });
    expect(exit.tail).toContain(key.publicKey);
    expect(exit.tail).toContain('Failed to lock agent');
    const branches = await output('git', ['--git-dir', join(host.rootDir, 'rig.git'), 'branch']);
    expect(branches).toMatch(/gt\/a\/bead-1\n\s*\*? main\n\s+more/);
    expect(host.requests.map(({ publicKey }) => publicKey)).toContain(key.publicKey);

    await expect(output('grep', ['-rlF', secretLine, control.workspace])).rejects.toMatchObject({ code: 1 });
    expect(JSON.stringify(control.events)).not.toContain(secretLine);
    expect(await sshAgents(control.workspace)).toHaveLength(1);
    control.kill('SIGTERM');
    await control.ended;
    await eventually(async () => expect(await sshAgents(control.workspace)).toEqual([]));
  });

  test('shares its host with another rig, and neither gets the key of the other', async () => {
    const keys = { rig: makeSshKey(), other: makeSshKey() };
    const host = await startHost((publicKey) =>
      Object.values(keys).some((key) => key.publicKey === publicKey),
    );
    const town = await open();
    town.worker.answer('credential', ({ rig }) => {
      const { privateKey } = keys[rig === 'rig' ? 'rig' : 'other'];
      return { status: 200, json: { privateKey, knownHosts: null } };
    });
    for (const rig of ['rig', 'other']) {
      expect(await restore(town, `${host.url}/${rig}.git`, rig)).toMatchObject({
        status: 'ready',
        fault: null,
      });
    }
    expect(host.requests.length).toBeGreaterThan(5);
    for (const { repo, publicKey } of host.requests) {
      expect(publicKey).toBe(keys[repo === 'rig' ? 'rig' : 'other'].publicKey);
    }
  });

  test('fails when its host refuses the key, after the Worker was asked for the newest one', async () => {
    const [key, newKey] = [makeSshKey(), makeSshKey()];
    const offered: string[] = [];
    const host = await startHost((publicKey) => {
      offered.push(publicKey);
      return publicKey === newKey.publicKey;
    });
    const town = await open();
    answerWith(town.worker, { privateKey: key.privateKey, knownHosts: null });
    const report = await restore(town, `${host.url}/rig.git`);
    expect(report.fault).toMatchObject({ code: 'git_auth', retryable: false });
    expect(town.worker.bodies('credential').map(({ fresh }) => fresh)).toEqual([false, true]);
    expect(new Set(offered.splice(0))).toEqual(new Set([key.publicKey]));

    answerWith(town.worker, { privateKey: newKey.privateKey, knownHosts: null });
    expect(await restore(town, `${host.url}/rig.git`)).toMatchObject({ status: 'ready', fault: null });
    expect(new Set(offered)).toEqual(new Set([newKey.publicKey]));
  });

  test('git host key: fails for good when its host shows another key than the known one', async () => {
    const key = makeSshKey();
    const host = await startHost(() => true);
    const town = await open();
    const knownHosts = `[127.0.0.1]:${String(host.port)} ${makeSshKey().publicKey}\n`;
    answerWith(town.worker, { privateKey: key.privateKey, knownHosts });
    const report = await restore(town, `${host.url}/rig.git`);
    expect(report.fault).toMatchObject({ code: 'git_host_key', retryable: false });
    expect(report.fault?.reason).toContain('has changed and you have requested strict checking');
    expect(host.requests).toEqual([]);
  });

  test('believes an unknown host the first time only, where no keys of it are given', async () => {
    const key = makeSshKey();
    const first = await startHost(() => true);
    const town = await open();
    answerWith(town.worker, { privateKey: key.privateKey, knownHosts: null });
    expect(await restore(town, `${first.url}/rig.git`)).toMatchObject({ status: 'ready', fault: null });
    await first.close();
    const gone = await restore(town, `${first.url}/rig.git`);
    expect(gone.fault).toMatchObject({ code: 'git_unreachable', retryable: true });
    const second = await startHost(() => true, first.port);
    const report = await restore(town, `${second.url}/rig.git`);
    expect(report.fault).toMatchObject({ code: 'git_host_key', retryable: false });
    expect(second.requests).toEqual([]);
  });

  test.each<[string, Credential]>([
    ['a token', { username: 'x-token', password: 'git-s3cret-of-the-test' }],
    ['no key', { privateKey: 'not a key\n', knownHosts: null }],
  ])('credential unusable: says so when it is %s, and asks no host', async (_, credential) => {
    const town = await open();
    answerWith(town.worker, credential);
    const report = await restore(town, 'ssh://git@127.0.0.1:1/rig.git');
    expect(report.fault).toMatchObject({ code: 'unusable_credential', retryable: false });
  });

  test('is tried again when the Worker cannot say what its key is', async () => {
    const town = await open();
    town.worker.answer('credential', () => problem('worker_unreachable', { 'retry-after': '60' }));
    const report = await restore(town, 'git@127.0.0.1:rig.git');
    expect(report.fault).toMatchObject({ code: 'worker_unreachable', retryable: true });
  });
});
