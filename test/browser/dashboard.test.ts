import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TownClient } from '../../dev/client.ts';
import { createRepository } from '../../dev/git-server/repository.ts';
import { killContainer, openWorld, sling, untilAgent, untilRecovered } from '../e2e/world.ts';
import type { World } from '../e2e/world.ts';
import { expectAccessible, newPage, PATIENCE_MS, openBrowser, signIn, untilSaid } from './visit.ts';

const TOWN = 'home';

let world: World;
let town: TownClient;
let browser: Browser;
let page: Page;
let complaints: string[];
/** A restore of `site` waits until this file is there. */
let gate: string;

beforeAll(async () => {
  [world, browser] = await Promise.all([openWorld(), openBrowser()]);
  gate = join(world.dir, 'gate');
  await writeFile(gate, '');
  town = world.town(TOWN);
  await town.call('PUT', '', { agentCommand: 'echo "a line of output"; sleep 600', drainSeconds: 1 });
  const gitUrl = await createRepository(world.git, 'site', { from: import.meta.dirname });
  const setupCommand = `until [ -e '${gate}' ]; do sleep 0.1; done`;
  await town.call('PUT', '/rigs/site', { gitUrl, setupCommand });
  await sling(town, 'site', 'ada', 'fix-1');
  await untilAgent(town, 'site', 'ada', 'working');
  ({ page, complaints } = await newPage(browser, world.relight.url));
});

afterAll(async () => {
  await browser?.close();
  await world?.close();
});

const state = (of: Page) => of.locator('.head .state').first();

/** Waits until the town's page says that it is in this state. */
async function untilState(word: string): Promise<void> {
  await state(page)
    .filter({ hasText: new RegExp(`^${word}$`) })
    .waitFor();
}

/** Goes through the confirmation of an action on the town's page or an agent's. */
async function act(link: string | RegExp, button: string, said: string | RegExp): Promise<void> {
  await page.getByRole('link', { name: link }).first().click();
  await page.getByRole('button', { name: button }).click();
  await untilSaid(page, said);
}

describe('signing in', () => {
  it('says what was wrong, and leads to the page that was asked for', async () => {
    await page.goto(`/towns/${TOWN}`);
    await page.getByLabel('Operator token').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await untilSaid(page, 'Not signed in');
    await expectAccessible(page);
    await page.getByLabel('Operator token').fill(world.relight.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await untilState('lit');
    expect(new URL(page.url()).pathname).toBe(`/towns/${TOWN}`);
    complaints.splice(0); // The refusal's status is one for the browser.
  });
});

describe('a recovery', () => {
  it('is watched live, and what was focused, open or marked stays so', async () => {
    const { generation } = await town.town();
    await page.getByText('Output of ada').click();
    await untilSaid(page, 'a line of output');
    await page.getByRole('link', { name: 'Stop' }).focus();
    await page.evaluate(() => {
      Object.assign(window, { isSamePage: true });
      getSelection()?.selectAllChildren(document.querySelector('h1') ?? document.body);
    });
    await rm(gate);
    killContainer(world);
    await untilState('recovering');
    await untilSaid(page, `Generation ${generation + 1} is being recovered: 0 of 1 rig back.`);
    const open = page.locator('.waterfall .bar.open');
    await open.waitFor();
    const width = async () => Number.parseFloat((await open.getAttribute('width')) ?? '0');
    const before = await width();
    await expect.poll(width, { timeout: PATIENCE_MS }).not.toBe(before);
    await writeFile(gate, '');
    await untilState('lit');
    await open.waitFor({ state: 'detached' });
    await page.locator('.waterfall .bar.setup').first().waitFor();
    await untilSaid(page, `Recovery of generation ${generation + 1}`);
    await page
      .locator('#said')
      .filter({ hasText: `${TOWN} is lit` })
      .waitFor({ state: 'attached' });
    const kept = await page.evaluate(() => ({
      isSamePage: 'isSamePage' in window,
      focused: document.activeElement?.textContent,
      marked: String(getSelection()),
      isOpen: document.querySelector('details[data-output]')?.hasAttribute('open'),
    }));
    expect(kept).toEqual({
      isSamePage: true,
      focused: 'Stop',
      marked: TOWN,
      isOpen: true,
    });
    await untilAgent(town, 'site', 'ada', 'working');
  });

  it('is compared with another on a page of its own', async () => {
    await page.goto(`/towns/${TOWN}`);
    await page.getByRole('link', { name: 'Recovery of generation 2' }).click();
    await page.getByRole('button', { name: 'Compare' }).click();
    await expect.poll(() => page.locator('.waterfall').count()).toBe(2);
    await page.getByText('All phases in figures').click();
    await expectAccessible(page);
  });

  it('goes on to be shown after the Worker was gone for a while', async () => {
    await page.goto(`/towns/${TOWN}`);
    await untilSaid(page, /^Live$/);
    complaints.splice(0);
    const restarted = world.relight.restartWorker();
    await page.getByText('Not live: trying again').waitFor();
    await restarted;
    await untilSaid(page, /^Live$/);
    complaints.splice(0); // Those of the time without a Worker.
    await town.call('PUT', '/rigs/site/agents/newcomer', {});
    const newcomer = page.getByRole('link', { name: 'newcomer' });
    await newcomer.waitFor();
    expect(await newcomer.getAttribute('href')).toBe(`/towns/${TOWN}/rigs/site/agents/newcomer`);
  });
});

describe('an action', () => {
  it('replays a recovery, of all rigs or one, and snapshots an agent', async () => {
    await page.goto(`/towns/${TOWN}`);
    await act('Replay recovery', 'Replay the recovery', `The recovery of ${TOWN} is being replayed`);
    const ids = [await idSaid(page)];
    await act('Replay rig site', 'Bring it back', 'Rig site is being brought back');
    ids.push(await idSaid(page));
    expect(new Set(ids).size).toBe(2);
    const known = async () => (await town.recoveries()).map(({ recoveryId }) => recoveryId);
    await expect.poll(known, { timeout: PATIENCE_MS }).toEqual(expect.arrayContaining(ids));
    await act('Snapshot ada now', 'Take the snapshot', 'A snapshot of ada was asked for');
    await untilSaid(page, 'a line of output');
    await expectAccessible(page);
  });

  it('retries a bead that failed', async () => {
    await town.call('PUT', '/rigs/site/agents/bob', { baseBranch: 'nowhere' });
    await town.call('PUT', '/rigs/site/agents/bob/hook', { bead: { id: 'fix-2', title: 'Fix the header' } });
    await untilAgent(town, 'site', 'bob', 'failed');
    await page.goto(`/towns/${TOWN}`);
    await expectAccessible(page);
    await page.getByRole('link', { name: 'Retry bead of bob' }).click();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Retry the bead' }).click();
    await untilSaid(page, 'bob goes on with fix-2.');
    expect((await town.agent('site', 'bob')).bead?.id).toBe('fix-2');
    await page.goto(`/towns/${TOWN}`);
    await town.call('DELETE', '/rigs/site/agents/bob');
  });

  it('stops, starts and kills the container, by the keyboard alone', async () => {
    await page.goto('/');
    await expectAccessible(page);
    await press('link', TOWN);
    for (const [link, button, said] of [
      ['Stop', 'Stop the container', 'was asked to stop'],
      ['Start', 'Start the container', `The container of ${TOWN} is up.`],
      ['Kill', 'Kill the container', 'was killed'],
    ] as const) {
      await press('link', link);
      await press('button', button);
      await untilSaid(page, said);
      // Where a screen reader goes on.
      expect(await page.evaluate(() => document.activeElement?.classList.contains('notice'))).toBe(true);
      if (link === 'Stop') await untilState('dark');
    }
    await untilRecovered(town, 4);
    await untilAgent(town, 'site', 'ada', 'working');
    await untilState('lit');
  });

  it('needs no script', async () => {
    const plain = await newPage(browser, world.relight.url, { javaScriptEnabled: false });
    await signIn(plain.page, world.relight.token);
    await plain.page.getByRole('link', { name: TOWN }).click();
    await plain.page.getByRole('link', { name: 'Replay recovery' }).click();
    await plain.page.getByRole('button', { name: 'Replay the recovery' }).click();
    await untilSaid(plain.page, `The recovery of ${TOWN} is being replayed`);
    await plain.page.getByRole('link', { name: 'ada', exact: true }).click();
    await untilSaid(plain.page, 'a line of output');
    await plain.page.getByRole('button', { name: 'Sign out' }).click();
    await plain.page.getByLabel('Operator token').waitFor();
    expect(plain.complaints).toEqual([]);
    await plain.page.context().close();
  });
});

describe('the pages', () => {
  it('give the browser nothing to complain about', () => {
    expect(complaints).toEqual([]);
  });
});

/** The recovery that the notice on the page names. */
async function idSaid(from: Page): Promise<string> {
  const said = await from.locator('.notice').innerText();
  const id = /(?:replay|boot)-[0-9a-f-]+/.exec(said)?.[0];
  if (id === undefined) throw new Error(`no recovery is named: ${said}`);
  return id;
}

/** Goes by Tab to what has that role and name, from wherever the focus is, and presses Enter there. */
async function press(role: 'link' | 'button', name: string): Promise<void> {
  const wanted = page.getByRole(role, { name, exact: true });
  await wanted.waitFor();
  for (let tabs = 0; tabs < 60; tabs += 1) {
    await page.keyboard.press('Tab');
    if (await wanted.evaluate((element) => element === document.activeElement)) {
      await page.keyboard.press('Enter');
      return;
    }
  }
  throw new Error(`Tab does not lead to ${role} ${name}`);
}
