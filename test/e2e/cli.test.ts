import { execa } from 'execa';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../dev/client.ts';
import { createRepository } from '../../dev/git-server/repository.ts';
import { openWorld, PATIENCE_MS } from './world.ts';
import type { World } from './world.ts';

const PROGRAM = fileURLToPath(new URL('../../cli/bin/relight.js', import.meta.url));
const COUNTING = 'i=0; while :; do i=$((i + 1)); echo "line $i"; sleep 0.1; done';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

/** A command line that runs. */
function begin(...args: string[]) {
  const { url, token } = world.relight;
  const env = { PATH: process.env.PATH, HOME: world.dir, RELIGHT_URL: url, RELIGHT_TOKEN: token };
  const child = execa(process.execPath, [PROGRAM, ...args], {
    env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const shows = (wanted: string | RegExp): Promise<string> =>
    until(`${args.join(' ')} shows ${wanted}, after ${text}`, PATIENCE_MS, async () =>
      Promise.resolve(text.search(wanted) >= 0 ? text : null),
    );
  const interrupt = async (): Promise<number | undefined> => {
    child.kill('SIGINT');
    return (await child).exitCode;
  };
  return { child, shows, interrupt };
}

async function relight(...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await begin(...args).child;
  expect(exitCode, `${args.join(' ')}: ${stderr}`).toBe(0);
  return stdout;
}

describe("the operator's command line", () => {
  it('makes a town, slings, watches, follows the log, replays and kills', async () => {
    const gitUrl = await createRepository(world.git, 'site', { from: import.meta.dirname });
    expect(await relight('town', 'put', 'home', '--agent-command', COUNTING)).toBe('home is made');
    expect(await relight('town', 'put', 'home', '--drain-seconds', '5')).toBe('home is changed');
    expect(await relight('rig', 'put', 'home/site', '--git-url', gitUrl)).toBe('home/site is registered');
    expect(await relight('agent', 'put', 'home/site/ada')).toBe('home/site/ada is added');
    expect(await relight('status')).toMatch(/^home +dark +- +no container has run yet/m);

    const watch = begin('status', 'home', '--watch');
    const changes = begin('status', 'home', '--watch', '--json');
    await watch.shows('container  none');
    const slung = await relight('sling', 'home/site/ada', '--bead', 'fix-1', '--title', 'Fix the footer');
    expect(slung).toBe('home/site/ada is pending with fix-1 on branch gt/ada/fix-1');
    await watch.shows('recovery of generation 1 is complete');
    await watch.shows('site/ada is working on fix-1');
    await changes.shows(/^\{"seq":\d+,"at":\d+,"change":\{"kind":"recovery".*"status":"complete"/m);
    expect(await changes.interrupt()).toBe(0);

    const log = begin('log', 'home/site/ada', '--follow');
    const seen = (await log.shows(/^line 20$/m)).split('\n').filter((line) => /^line \d+$/.test(line));
    expect(seen.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, at) => `line ${at + 1}`));

    const replayed = await relight('replay', 'home', '--rig', 'site', '--watch');
    expect(replayed).toMatch(/recovery of generation 1 is running/);
    expect(replayed).toMatch(/^complete in .*; generation 1, by replay$/m);
    expect(replayed).toMatch(/^ site ready /m);

    const unsure = await begin('kill', 'home').child;
    expect(unsure).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('say --yes') });
    await relight('kill', 'home', '--yes');
    await watch.shows('recovery of generation 2 is complete');
    await log.shows(/line 20\n[^]*\n--- .* ---\nline 1\n/);
    expect([await watch.interrupt(), await log.interrupt()]).toEqual([0, 0]);

    const screen = await relight('status', 'home');
    expect(screen).toMatch(/generation 2, up for/);
    expect(screen).toMatch(/^site\/ada +working +fix-1 +gt\/ada\/fix-1 +0 /m);
    const town = world.town('home');
    expect(JSON.parse(await relight('agent', 'show', 'home/site/ada', '--json'))).toEqual({
      ...(await town.agent('site', 'ada')),
      lastSeenAt: expect.any(Number),
    });
    expect(await town.town()).toMatchObject({ agentCommand: COUNTING, drainSeconds: 5 });
    expect(await relight('agent', 'prime', 'home/site/ada')).toContain('Fix the footer');
    expect(await relight('complete', '--', 'log', 'home/site/')).toBe('home/site/ada\t');
    expect(await relight('unsling', 'home/site/ada', '--yes')).toBe('home/site/ada has no bead');
    expect(await relight('town', 'rm', 'home', '--yes')).toBe('home is removed');
    expect(await relight('town', 'ls')).toBe('');
  });
});
