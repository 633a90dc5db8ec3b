import { Hono } from 'hono';
import { CALLBACKS } from '../contract/callbacks.ts';
import { codeOf } from '../contract/errors.ts';
import type { Exchange } from '../contract/exchange.ts';
import type { Life } from '../contract/ids.ts';
import { agentOf, rigOf, townOf } from '../objects/reach.ts';
import { credentialOf } from '../platform/git-credential.ts';
import { logEvent } from '../platform/log.ts';
import { readSecret } from '../platform/secrets.ts';
import { isToBeRenewed, signBootToken } from '../platform/token.ts';
import type { ContainerToken } from '../platform/token.ts';
import type { Bindings } from './guards.ts';
import { readJson } from './json-body.ts';
import { admitOffer, recordOffer, requireOwnRef } from './offers.ts';

/** The calls that come from containers, behind their guard. Which town speaks is in the token, never in the message. */
export const callbacks = new Hono<Bindings>();

/** What a handler gets: the town that the token was signed for, the token, and the message. */
interface Call<Body> {
  readonly env: Env;
  readonly town: string;
  readonly token: ContainerToken;
  readonly body: Body;
}

function answer<Body, Answer>(
  exchange: Exchange<Body, Answer>,
  handle: (call: Call<Body>) => Promise<Answer>,
): void {
  callbacks.on(exchange.method, exchange.path, async (c) => {
    const body = await readJson(c.req, exchange.body);
    const town = c.get('town');
    const token = c.get('token');
    const result = await handle({ env: c.env, town, token, body }).catch((error: unknown) => {
      if (codeOf(error) === 'stale_generation')
        c.executionCtx.waitUntil(countFenced(c.env, town, exchange.path));
      throw error;
    });
    return result === undefined ? c.body(null, 204) : Response.json(result);
  });
}

/** As `answer`, for messages of a running boot: one that a later boot has replaced changes nothing. */
function answerLiving<Body extends { life: Life }, Answer>(
  exchange: Exchange<Body, Answer>,
  handle: (call: Call<Body>) => Promise<Answer>,
): void {
  answer(exchange, async (call) => {
    await townOf(call.env, call.town).admit(call.body.life, call.token);
    return handle(call);
  });
}

async function countFenced(env: Env, town: string, path: string): Promise<void> {
  logEvent('message.fenced', { town, path });
  await townOf(env, town).noteFenced();
}

/** A new token for a boot that has been heard, once its own is none for a boot or will not last much longer. */
async function renewal({ env, town, token, body }: Call<{ bootId: string }>): Promise<{ token?: string }> {
  const now = Date.now();
  if (!isToBeRenewed(token, now)) return {};
  return { token: await signBootToken({ town, bootId: body.bootId }, env.CONTAINER_TOKEN_KEY, now) };
}

answer(CALLBACKS.announce, async (call) => {
  const standing = await townOf(call.env, call.town).announce(call.body, call.token);
  return { ...standing, ...(await renewal(call)) };
});
answer(CALLBACKS.heartbeat, async (call) => {
  const heard = await townOf(call.env, call.town).heartbeat(call.body, call.token);
  return { ...heard, ...(await renewal(call)) };
});

answerLiving(CALLBACKS.rigReport, ({ env, town, body }) => townOf(env, town).rigReported(body));
answerLiving(CALLBACKS.agentsReady, ({ env, town, body }) => rigOf(env, town, body.rig).agentsReady(body));
answerLiving(CALLBACKS.exit, ({ env, town, body }) => rigOf(env, town, body.rig).exited(body));
answerLiving(CALLBACKS.prime, ({ env, town, body }) => agentOf(env, town, body.rig, body.agent).prime());
answerLiving(CALLBACKS.checkpoint, ({ env, town, body }) =>
  agentOf(env, town, body.rig, body.agent).checkpoint(body),
);
answerLiving(CALLBACKS.finishing, ({ env, town, body }) => rigOf(env, town, body.rig).noteFinishing(body));
answerLiving(CALLBACKS.done, ({ env, town, body }) => rigOf(env, town, body.rig).done(body));

answerLiving(CALLBACKS.snapshotPushed, async ({ env, town, body }) => {
  await requireOwnRef(env, town, body);
  await admitOffer(env, town, body);
  return { superfluous: await recordOffer(env, town, body) };
});

answerLiving(CALLBACKS.secrets, async ({ env, town }) => {
  const { agentSecrets } = await townOf(env, town).describe();
  return Object.fromEntries(
    Object.entries(agentSecrets).map(([variable, name]) => {
      return [variable, readSecret(env, `AGENT_SECRET_${name}`, 'unknown_secret')];
    }),
  );
});

answerLiving(CALLBACKS.credential, async ({ env, town, body }) => {
  const { credential } = await townOf(env, town).rigSpec(body.rig);
  return credentialOf(env, credential ?? '', { fresh: body.fresh });
});
