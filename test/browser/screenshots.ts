import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { until } from '../../dev/client.ts';
import type { TownClient } from '../../dev/client.ts';
import { createRepository } from '../../dev/git-server/repository.ts';
import { killContainer, openWorld } from '../e2e/world.ts';
import type { World } from '../e2e/world.ts';
import { newPage, openBrowser, signIn } from './visit.ts';

/**
 * `npm run screenshots`: writes the pictures of the documents, of a real town that was killed `--kills` times (20). Those of
 * the other pages go to the folder that is named, if one is.
 */

const { values, positionals } = parseArgs({
  options: { kills: { type: 'string', default: '20' } },
  allowPositionals: true,
});
const KILLS = Number(values.kills);
const PATIENT_MS = 180_000;
/** What of a page the documents show. */
const PICTURE = { x: 0, y: 0, width: 1280, height: 1180 };
const DOCS = join(import.meta.dirname, '../../docs');
const MODULES = join(import.meta.dirname, '../../node_modules');
const AGENT = join(import.meta.dirname, '../../dev/demo/agent.ts');
const BEADS = {
  hono: { ada: 'Speed up the router', bob: 'Stream server-sent events', cy: 'Fix the body limit' },
  zod: { ada: 'Shorten the error texts', dee: 'Describe recursive types' },
  execa: { bob: 'Document graceful ends', eve: 'Drop what Node can do' },
} as const;

function untilAgent(town: TownClient, rig: string, agent: string): Promise<true> {
  return until(`${rig}/${agent} works`, PATIENT_MS, async () =>
    (await town.agent(rig, agent)).status === 'working' ? true : null,
  );
}

function untilRecovered(town: TownClient, generation: number): Promise<true> {
  return until(`generation ${generation} has recovered`, PATIENT_MS, async () => {
    const own = (await town.recoveries()).find((recovery) => recovery.generation === generation);
    return own !== undefined && own.status !== 'running' ? true : null;
  });
}

async function furnish(world: World, town: TownClient): Promise<void> {
  await town.call('PUT', '', {
    agentCommand: `"${process.execPath}" "${AGENT}" 1000 20000`,
    drainSeconds: 1,
  });
  for (const [rig, agents] of Object.entries(BEADS)) {
    const gitUrl = await createRepository(world.git, rig, { from: join(MODULES, rig) });
    await town.call('PUT', `/rigs/${rig}`, { gitUrl, setupCommand: 'sleep 0.2' });
    for (const [index, [agent, title]] of Object.entries(agents).entries()) {
      await town.call('PUT', `/rigs/${rig}/agents/${agent}`, {});
      const bead = { id: `${rig}-${41 + index}`, title };
      await town.call('PUT', `/rigs/${rig}/agents/${agent}/hook`, { bead });
    }
  }
  await town.call('PUT', '/rigs/hono/agents/flo', {});
  await town.call('PUT', '/rigs/hono/agents/flo/hook', {
    bead: { id: 'hono-50', title: 'Port the examples' },
  });
  await untilAgent(town, 'hono', 'ada');
  await town.call('PUT', '/rigs/hono/agents/flo', { baseBranch: 'next' });
}

async function killOften(world: World, town: TownClient): Promise<void> {
  for (let kill = 1; kill <= KILLS; kill += 1) {
    await untilRecovered(town, kill);
    // The town's own restart, without the growing pause after one that died.
    await town.call('POST', '/container', { action: 'kill' });
  }
  await untilRecovered(town, KILLS + 1);
  for (const [rig, agents] of Object.entries(BEADS))
    for (const agent of Object.keys(agents)) await untilAgent(town, rig, agent);
  await until('something was written since', PATIENT_MS, async () =>
    (await town.checkpoints('hono', 'ada'))[0]?.generation === KILLS + 1 ? true : null,
  );
}

async function main(): Promise<void> {
  const [world, browser] = await Promise.all([openWorld(), openBrowser()]);
  try {
    const town = world.town('home');
    await furnish(world, town);
    await killOften(world, town);
    const { page } = await newPage(browser, world.relight.url);
    await signIn(page, world.relight.token);
    await page.setViewportSize(PICTURE);
    await page.goto('/towns/home');
    await page.getByText(/^Live$/).waitFor();
    for (const [name, colorScheme] of [
      ['dashboard.png', 'light'],
      ['dashboard-dark.png', 'dark'],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(DOCS, name), clip: PICTURE });
    }
    const [others] = positionals;
    if (others !== undefined) {
      const shots = { towns: '/', agent: '/towns/home/rigs/hono/agents/ada', kill: '/towns/home/kill' };
      for (const [name, path] of Object.entries(shots)) {
        await page.goto(path);
        await page.screenshot({ path: join(others, `${name}.png`), fullPage: true });
      }
      const [first, second] = await town.recoveries();
      await page.goto(`/towns/home/recoveries/${first?.recoveryId}?with=${second?.recoveryId}`);
      await page.screenshot({ path: join(others, 'recovery.png'), fullPage: true });
      await page.goto('/towns/home');
      killContainer(world);
      await page.locator('.waterfall .bar.open').first().waitFor();
      await page.screenshot({ path: join(others, 'live.png') });
    }
  } finally {
    await browser.close();
    await world.close();
  }
}

await main();
