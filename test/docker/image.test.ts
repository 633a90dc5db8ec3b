import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../dev/client.ts';
import type { TownClient } from '../../dev/client.ts';
import { createRepository } from '../../dev/git-server/repository.ts';
import { killContainer, openWorld, PATIENCE_MS, sling, untilAgent, untilRecovered } from '../e2e/world.ts';
import type { World } from '../e2e/world.ts';

const IMAGE_MAX_BYTES = 350_000_000;

/** Leaves every kind of unpushed work behind, then says what there is: in its first life and in each later one. */
const AGENT = `
  if [ ! -e untracked.txt ]; then
    echo committed > committed.txt && git add committed.txt && git commit --quiet --message unpushed
    echo staged > staged.txt && git add staged.txt && echo 'and changed' > staged.txt
    echo unstaged > world.ts && rm launcher.test.ts && ln -s world.ts link
    echo 'not tracked' > untracked.txt && chmod 755 untracked.txt
  fi
  git status --porcelain=v2; git diff | git hash-object --stdin; git log -1 --format=%H%s; ls -l untracked.txt link | cut -c1-10
  echo worked as "$(id -un)", group "$(id -gn)"
  for path in /app/container/main.ts /proc/1/environ "$(dirname "$HOME")"; do
    if [ -w "$path" ] || { [ "$path" = /proc/1/environ ] && [ -n "$(cat $path 2>/dev/null)" ]; }; then echo "gets at $path"; fi
  done
  env | grep -c RELIGHT_TOKEN
  echo end of report
  sleep 600`;

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

describe('the image', () => {
  it('runs agents as users of their own, and brings their unpushed work back after a SIGKILL', async () => {
    const town = world.town('imaged');
    await town.call('PUT', '', { agentCommand: AGENT, snapshotIntervalSeconds: 2 });
    const gitUrl = await createRepository(world.git, 'site', { from: `${import.meta.dirname}/../e2e` });
    await town.call('PUT', '/rigs/site', { gitUrl });
    await sling(town, 'site', 'ada', 'bead');
    await untilAgent(town, 'site', 'ada', 'working');
    const first = await reportOf(town);
    expect(first).toContain('untracked.txt');
    expect(first).toMatch(/worked as (?!root)\S+, group (?!root)\S+\n0\nend of report$/);
    const since = Date.now();
    await town.call('POST', '/rigs/site/agents/ada/snapshots', {});
    await until('a snapshot is recorded', PATIENCE_MS, async () =>
      ((await town.agent('site', 'ada')).snapshot?.at ?? 0) >= since ? true : null,
    );
    killContainer(world);
    const [report] = (await untilRecovered(town, 2)).rigs[0]?.agents ?? [];
    expect(report).toMatchObject({ snapshot: 'restored', lost: [], fault: null });
    await untilAgent(town, 'site', 'ada', 'working');
    expect(await reportOf(town)).toBe(first);
  });

  it('has less than 350 MB', async () => {
    const [container] = world.relight.engine.containers();
    const { stdout: image } = await execa`docker inspect --format {{.Image}} ${container?.id ?? ''}`;
    const { stdout: size } = await execa`docker image inspect --format {{.Size}} ${image}`;
    expect(Number(size)).toBeGreaterThan(100_000_000);
    expect(Number(size)).toBeLessThan(IMAGE_MAX_BYTES);
  });

  it('drains on SIGTERM: its control server ends with 0', async () => {
    const container = world.relight.engine.containers().find(({ running }) => running);
    const exit = execa`docker wait ${container?.id ?? ''}`;
    world.relight.engine.kill(container?.id ?? '', 'SIGTERM');
    expect((await exit).stdout).toBe('0');
    await world.town('imaged').call('DELETE', '');
  });
});

/** What the agent has said in its present life, once it has said all. */
function reportOf(town: TownClient): Promise<string> {
  return until('the agent has reported', PATIENCE_MS, async () => {
    const log = String(await town.call('GET', '/rigs/site/agents/ada/log'));
    // The first line names the start.
    return log.includes('end of report') ? log.slice(log.indexOf('\n')).trim() : null;
  });
}
