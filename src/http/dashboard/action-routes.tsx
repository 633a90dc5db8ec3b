import { Hono } from 'hono';
import type { Context } from 'hono';
import { z } from 'zod';
import { Id } from '../../contract/ids.ts';
import { townOf } from '../../objects/reach.ts';
import { logEvent } from '../../platform/log.ts';
import { AgentPath, RigPath, TownPath } from '../operation.ts';
import { registeredRig } from '../registered-rig.ts';
import { ACTIONS } from './actions.ts';
import type { Action, Subject } from './actions.ts';
import type { Notice } from './layout.tsx';
import { leaveNotice } from './notice.ts';
import { faultFor } from './read.ts';
import type { DashboardEnv } from './session.ts';
import { show } from './show.ts';
import { ConfirmPage } from './small-pages.tsx';

/** What each kind of subject is addressed by. */
const PLACES = {
  town: { path: '/towns/:town', params: TownPath },
  rig: { path: '/towns/:town/rigs/:rig', params: RigPath },
  agent: { path: '/towns/:town/rigs/:rig/agents/:agent', params: AgentPath },
} as const;

/** Actions in two steps: a page that says what will happen, and a form whose answer says what has. */
export const actionRoutes = new Hono<DashboardEnv>();

for (const action of ACTIONS) {
  const path = `${PLACES[action.of].path}/${action.name}`;

  actionRoutes.get(path, async (c) => {
    const subject = await readSubject(c, action);
    const page = { operator: c.get('operator'), action, subject, back: pageOf(action, subject) };
    return show(c, <ConfirmPage {...page} />);
  });

  actionRoutes.post(path, async (c) => {
    const { bead = null } = z.object({ bead: Id.optional() }).parse(await c.req.parseBody());
    const subject = { ...addressOf(c, action), bead };
    await leaveNotice(c, await perform(c, action, subject));
    return c.redirect(pageOf(action, subject), 303);
  });
}

async function perform(c: Context<DashboardEnv>, action: Action, subject: Subject): Promise<Notice> {
  const { town, rig, agent } = subject;
  const facts = { town, rig, agent, action: `${action.name} ${action.of}`, operator: c.get('operator') };
  try {
    const text = await action.perform(c.env, subject);
    logEvent('operator.acted', { ...facts, refusal: null });
    return { tone: 'done', text };
  } catch (error) {
    const { code, reason } = faultFor(error);
    logEvent('operator.acted', { ...facts, refusal: code });
    return { tone: 'refused', text: `${reason} (${code})` };
  }
}

function addressOf(c: Context<DashboardEnv>, { of }: Action): Omit<Subject, 'bead'> {
  return { rig: '', agent: '', ...PLACES[of].params.parse(c.req.param()) };
}

/** Throws RelightError for what is not there: nobody is asked to confirm something that cannot be. */
async function readSubject(c: Context<DashboardEnv>, action: Action): Promise<Subject> {
  const { town, rig, agent } = addressOf(c, action);
  if (action.of === 'town') await townOf(c.env, town).describe();
  const own = action.of === 'town' ? null : await registeredRig(c.env, town, rig);
  const view = action.of === 'agent' ? await own?.agent(agent) : undefined;
  return { town, rig, agent, bead: view?.bead?.id ?? null };
}

/** The page that shows what the action did. */
function pageOf({ of }: Action, { town, rig, agent }: Subject): string {
  return of === 'agent' ? `/towns/${town}/rigs/${rig}/agents/${agent}` : `/towns/${town}`;
}
