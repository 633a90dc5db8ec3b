import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GitFailure } from '../../../container/git/errors.ts';
import { HostGates } from '../../../container/git/host-gates.ts';
import { DEFAULT_RETRY_AFTER_MS, HOST_AT_ONCE, PATIENCE_MS } from '../../../container/git/rate-limit.ts';
import { hostOf, remoteUrlOf } from '../../../container/git/remote-host.ts';
import { createGit } from '../../../container/git/run-git.ts';
import { startGitServer } from '../../../dev/git-server/git-server.ts';
import type { GitServer } from '../../../dev/git-server/git-server.ts';
import { planFor, RIG, run, Scene } from './scene.ts';

/** Time that goes on only where somebody waits for it; chance always takes the middle. */
class Clock {
  readonly waits: number[] = [];
  #now = 0;
  onPause = (): void => undefined;

  now = (): number => this.#now;
  random = (): number => 0.5;
  pause = async (ms: number, signal?: AbortSignal): Promise<void> => {
    // Whoever holds a turn waits for its end, and not for time.
    if (signal !== undefined) return await new Promise(() => undefined);
    this.waits.push(ms);
    this.#now += ms;
    this.onPause();
  };
}

describe('git host limits requests: a host', () => {
  let scene: Scene;
  let server: GitServer;
  let clock: Clock;
  beforeEach(async () => {
    clock = new Clock();
    scene = new Scene({
      settings: { gates: new HostGates(clock), credentials: () => ({ 'credential.helper': HELPER }) },
    });
    server = await startGitServer({ rootDir: scene.remotes, auth: (_, user) => user === 'bot' });
    scene.url = `${server.url}/core.git`;
  });
  afterEach(async () => {
    await server.close();
    scene.remove();
  });
  const HELPER = '!f() { echo username=bot; echo password=s3cret; }; f';
  const restore = async () => await scene.restore([planFor('ada')], { credential: true });

  it.for([
    [{ status: 429, headers: { 'Retry-After': '7' } }, 7_000 + 7_000],
    [{ status: 503, headers: { 'Retry-After': '50' } }, 50_000 + 30_000],
    [{ status: 429 }, DEFAULT_RETRY_AFTER_MS + 1_000],
  ] as const)(
    'by %j is asked again after its time and by chance up to twice as long, a minute at most, and the restore goes on',
    async ([fault, waited]) => {
      server.setFault('core', fault);
      clock.onPause = () => server.setFault('core', null);
      expect(await restore()).toMatchObject({ status: 'ready', fault: null });
      expect(clock.waits).toEqual([waited]);
    },
  );

  it('waits longer after each refusal, and after two minutes in all its rig fails with the reason', async () => {
    server.setFault('core', { status: 429 });
    const { status, fault } = await restore();
    expect({ status, fault }).toMatchObject({
      status: 'failed',
      fault: { code: 'git_rate_limited', retryable: true },
    });
    expect(fault?.reason).toMatch(
      /^127\.0\.0\.1:\d+ limits its requests, and is left alone for another \d+ s$/,
    );
    expect(clock.waits).toEqual(clock.waits.toSorted((a, b) => a - b));
    expect(clock.waits.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(PATIENCE_MS);
    // A login that is asked for, and then the refusal.
    expect(server.requests).toHaveLength(2 * (clock.waits.length + 1));
  });

  it('is not asked by anybody until its time has come', async () => {
    server.setFault('core', { status: 429, headers: { 'Retry-After': '3600' } });
    expect((await restore()).fault).toMatchObject({ code: 'git_rate_limited' });
    const asked = server.requests.length;
    server.setFault('core', null);
    expect((await restore()).fault?.reason).toMatch(/left alone for another 3630 s/);
    expect([server.requests.length, clock.waits]).toEqual([asked, []]);
  });

  it('is told nothing of the trace that its time was read from: neither reason, output nor report have it', async () => {
    const git = createGit({
      workspace: scene.workspace,
      credentials: () => ({ 'credential.helper': HELPER }),
      gates: new HostGates(clock),
    });
    server.setFault('core', { status: 500, headers: { 'Retry-After': '9' } });
    const asked = git.run(scene.workspace, ['ls-remote', '--', scene.url], {
      network: true,
      credentialsOf: RIG,
    });
    const failure = await asked.catch((error: unknown) => error);
    if (!(failure instanceof GitFailure)) throw new Error('it did not fail');
    expect(failure.output).toBe(
      `remote: 500\nfatal: unable to access '${scene.url}/': The requested URL returned error: 500\n`,
    );
    expect(failure).toMatchObject({ code: 'git_server', retryAfter: null });
    expect(failure.message).not.toMatch(/http\.c|header/);
  });
});

describe('the way to a git host', () => {
  const gateRun = (gates: HostGates, host: string, started: string[], name: string, files?: number) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const work = async () => {
      started.push(name);
      return await promise;
    };
    const ended = gates.through(host, work, files === undefined ? {} : { files });
    return { ended, end: () => resolve(name) };
  };

  it('lets a few commands of all rigs through at a time, and other hosts do not wait for them', async () => {
    const gates = new HostGates(new Clock());
    const started: string[] = [];
    const names = Array.from({ length: HOST_AT_ONCE + 1 }, (_, n) => `rig${n}`);
    const runs = names.map((name) => gateRun(gates, 'one.example', started, name));
    gateRun(gates, 'other.example', started, 'other').end();
    await expect.poll(() => started).toEqual([...names.slice(0, -1), 'other']);
    runs[0]?.end();
    await runs[0]?.ended;
    await expect.poll(() => started).toContain(names.at(-1));
    for (const each of runs) each.end();
    expect(await Promise.all(runs.map(({ ended }) => ended))).toEqual(names);
  });

  it('goes to the smallest rig of those that wait, and to one of unknown size before them', async () => {
    const gates = new HostGates(new Clock());
    const started: string[] = [];
    const busy = Array.from({ length: HOST_AT_ONCE }, (_, n) => gateRun(gates, 'h', started, `rig${n}`));
    const waiting = [90_000, 40, undefined, 700].map((files) =>
      gateRun(gates, 'h', started, `files ${files}`, files),
    );
    for (const [n, each] of busy.entries()) {
      each.end();
      await expect.poll(() => started).toHaveLength(HOST_AT_ONCE + n + 1);
    }
    for (const each of waiting) each.end();
    expect(started.slice(HOST_AT_ONCE)).toEqual(['files undefined', 'files 40', 'files 700', 'files 90000']);
    await Promise.all([...busy, ...waiting].map(({ ended }) => ended));
  });

  it('is free again for others when a command takes long', async () => {
    const gates = new HostGates({
      now: () => 0,
      random: () => 0,
      pause: async () => await Promise.resolve(),
    });
    const started: string[] = [];
    const runs = Array.from({ length: HOST_AT_ONCE * 2 }, (_, n) => gateRun(gates, 'h', started, `rig${n}`));
    await expect.poll(() => started).toHaveLength(runs.length);
    for (const each of runs) each.end();
    await Promise.all(runs.map(({ ended }) => ended));
  });

  it('is told by the URL of a command, else by the remote of the rig that it works in', async () => {
    const scene = new Scene();
    try {
      await scene.restore([planFor('ada')]);
      const { workspace } = scene.git;
      const host = (dir: string, ...args: string[]) => {
        const url = remoteUrlOf(workspace, dir, args);
        return url === null ? null : hostOf(url);
      };
      expect(host(workspace, 'ls-remote', '--', 'https://git.example:8443/a.git', 'HEAD')).toBe(
        'git.example:8443',
      );
      expect(host(workspace, 'ls-remote', '--', 'git@git.example:a/b.git')).toBe('git.example');
      expect(host(scene.dir('ada'), 'push', 'origin')).toBeNull();
      run(scene.repo, 'config', 'remote.origin.url', 'ssh://git@git.example/a.git');
      expect(host(scene.repo, 'fetch', 'origin')).toBe('git.example');
      expect(host(scene.dir('ada'), 'push', 'origin')).toBe('git.example');
      expect(host(workspace, 'fetch', 'origin')).toBeNull();
    } finally {
      scene.remove();
    }
  });
});
