import { Hono } from 'hono';
import { z } from 'zod';
import { Id } from '../../contract/ids.ts';
import { RecoveryId } from '../../contract/recovery.ts';
import { agentOf, directoryOf, townOf } from '../../objects/reach.ts';
import { AgentPath, RecoveryPath, TownPath } from '../operation.ts';
import { lastOutput, registeredRig } from '../registered-rig.ts';
import { AgentPage } from './agent-page.tsx';
import { changesOnly } from './changes.ts';
import { takeNotice } from './notice.ts';
import { faultFor, readCheckpoint, readTown } from './read.ts';
import { RecoveryPage } from './recovery-page.tsx';
import type { DashboardEnv } from './session.ts';
import { show } from './show.ts';
import { TownPage } from './town-page.tsx';
import { TownsPage } from './towns-page.tsx';
import type { ListedTown } from './towns-page.tsx';
import { lastLines } from './words.ts';

/** How many towns a page lists: each is asked. */
const LISTED_TOWNS = 100;

const SHOWN_LINES = 200;

/** The pages that show something. All want a session. */
export const pages = new Hono<DashboardEnv>();

pages.get('/', async (c) => {
  const after = z.object({ after: Id.optional() }).parse(c.req.query()).after ?? '';
  const names = (await directoryOf(c.env).towns()).filter((name) => name > after);
  const listed = names.slice(0, LISTED_TOWNS);
  const towns = await Promise.all(listed.map((town) => readListed(c.env, town)));
  const next = names.length > listed.length ? (listed.at(-1) ?? null) : null;
  const notice = await takeNotice(c);
  const operator = c.get('operator');
  return show(
    c,
    <TownsPage operator={operator} notice={notice} towns={towns} next={next} now={Date.now()} />,
  );
});

async function readListed(env: Env, town: string): Promise<ListedTown> {
  try {
    const own = townOf(env, town);
    const [view, boots] = await Promise.all([own.describe(), own.boots()]);
    return { town, view, boots };
  } catch (error) {
    return { town, unread: faultFor(error) };
  }
}

pages.get('/towns/:town', async (c) => {
  const known = await readTown(c.env, TownPath.parse(c.req.param()).town);
  return show(c, <TownPage operator={c.get('operator')} notice={await takeNotice(c)} known={known} />);
});

pages.get('/towns/:town/live', async (c) =>
  changesOnly(await townOf(c.env, TownPath.parse(c.req.param()).town).fetch(c.req.raw)),
);

pages.get('/towns/:town/recoveries/:recoveryId', async (c) => {
  const { town, recoveryId } = RecoveryPath.parse(c.req.param());
  const { with: otherId } = z.object({ with: RecoveryId.optional() }).parse(c.req.query());
  const own = townOf(c.env, town);
  const [recovery, other, boots] = await Promise.all([
    own.recovery(recoveryId),
    otherId === undefined ? null : own.recovery(otherId),
    own.boots(),
  ]);
  const facts = { town, recovery, other, boots, now: Date.now() };
  return show(c, <RecoveryPage operator={c.get('operator')} {...facts} />);
});

const AGENT = '/towns/:town/rigs/:rig/agents/:agent';

pages.get(AGENT, async (c) => {
  const { town, rig, agent: name } = AgentPath.parse(c.req.param());
  const own = await registeredRig(c.env, town, rig);
  const view = await own.agent(name);
  const [agent, snapshots, output] = await Promise.all([
    readCheckpoint(c.env, { town, rig }, view),
    agentOf(c.env, town, rig, name).snapshots(),
    lastOutput(own, name).then(
      (text) => lastLines(text, SHOWN_LINES) || 'Nothing written yet.',
      (error: unknown) => `Not to be had: ${faultFor(error).reason}`,
    ),
  ]);
  const facts = { town, rig, agent, snapshots, output, now: Date.now() };
  return show(c, <AgentPage operator={c.get('operator')} notice={await takeNotice(c)} {...facts} />);
});

pages.get(`${AGENT}/output`, async (c) => {
  const { town, rig, agent } = AgentPath.parse(c.req.param());
  const output = await lastOutput(await registeredRig(c.env, town, rig), agent);
  return c.text(lastLines(output, SHOWN_LINES), 200, { 'cache-control': 'no-store' });
});
