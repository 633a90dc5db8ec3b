import { z } from '@hono/zod-openapi';
import { AgentSpec, AgentView, Checkpoint, LogPart, LogPlace, Sling } from '../contract/agent.ts';
import { Prime } from '../contract/prime.ts';
import { Snapshot } from '../contract/snapshot.ts';
import { agentOf } from '../objects/reach.ts';
import {
  AgentPath,
  createRouter,
  Json,
  jsonOperation,
  readOperation,
  removeOperation,
  RigPath,
} from './operation.ts';
import { lastOutput, registeredRig } from './registered-rig.ts';

/** The agents of a rig, their hooks, and what they know. */
export const agents = createRouter();

const ShownCheckpoint = Checkpoint.extend({ data: Json });
const ShownPrime = Prime.extend({ checkpoint: ShownCheckpoint.nullable() });

const AGENT = '/api/towns/{town}/rigs/{rig}/agents/{agent}';

agents.openapi(
  jsonOperation({
    method: 'put',
    path: AGENT,
    summary: 'Adds an agent to the roster or changes it',
    params: AgentPath,
    body: AgentSpec,
    answer: AgentView,
    status: 200,
  }),
  async (c) => {
    const { town, rig, agent } = c.req.valid('param');
    return c.json(await (await registeredRig(c.env, town, rig)).putAgent(agent, c.req.valid('json')), 200);
  },
);

agents.openapi(
  readOperation({
    path: '/api/towns/{town}/rigs/{rig}/agents',
    summary: 'The roster of a rig',
    params: RigPath,
    answer: z.object({ agents: z.array(AgentView) }),
  }),
  async (c) => {
    const { town, rig } = c.req.valid('param');
    return c.json({ agents: await (await registeredRig(c.env, town, rig)).agents() }, 200);
  },
);

agents.openapi(
  readOperation({ path: AGENT, summary: 'One agent', params: AgentPath, answer: AgentView }),
  async (c) => {
    const { town, rig, agent } = c.req.valid('param');
    return c.json(await (await registeredRig(c.env, town, rig)).agent(agent), 200);
  },
);

agents.openapi(
  removeOperation({ path: AGENT, summary: 'Removes an agent and its checkpoints', params: AgentPath }),
  async (c) => {
    const { town, rig, agent } = c.req.valid('param');
    await (await registeredRig(c.env, town, rig)).removeAgent(agent);
    return c.body(null, 204);
  },
);

agents.openapi(
  jsonOperation({
    method: 'put',
    path: `${AGENT}/hook`,
    summary: 'Slings a bead to the agent; the same bead again resumes an agent that has failed',
    params: AgentPath,
    body: Sling,
    answer: AgentView,
    status: 200,
  }),
  async (c) => {
    const { town, rig, agent } = c.req.valid('param');
    return c.json(await (await registeredRig(c.env, town, rig)).hook(agent, c.req.valid('json')), 200);
  },
);

agents.openapi(
  removeOperation({ path: `${AGENT}/hook`, summary: 'Takes the bead from the agent', params: AgentPath }),
  async (c) => {
    const { town, rig, agent } = c.req.valid('param');
    await (await registeredRig(c.env, town, rig)).unhook(agent);
    return c.body(null, 204);
  },
);

agents.openapi(
  readOperation({
    path: `${AGENT}/prime`,
    summary: 'What the agent gets when it starts',
    params: AgentPath,
    answer: ShownPrime,
  }),
  async (c) => {
    const { town, rig, agent } = c.req.valid('param');
    await registeredRig(c.env, town, rig);
    return c.json(await agentOf(c.env, town, rig, agent).prime(), 200);
  },
);

agents.openapi(
  readOperation({
    path: `${AGENT}/checkpoints`,
    summary: 'The checkpoints of the agent, newest first',
    params: AgentPath,
    answer: z.object({ checkpoints: z.array(ShownCheckpoint) }),
  }),
  async (c) => {
    const { town, rig, agent } = c.req.valid('param');
    await (await registeredRig(c.env, town, rig)).agent(agent);
    return c.json({ checkpoints: await agentOf(c.env, town, rig, agent).checkpoints() }, 200);
  },
);

agents.openapi(
  readOperation({
    path: `${AGENT}/snapshots`,
    summary: 'The recorded snapshots of the agent, newest first',
    params: AgentPath,
    answer: z.object({ snapshots: z.array(Snapshot) }),
  }),
  async (c) => {
    const { town, rig, agent } = c.req.valid('param');
    await (await registeredRig(c.env, town, rig)).agent(agent);
    return c.json({ snapshots: await agentOf(c.env, town, rig, agent).snapshots() }, 200);
  },
);

agents.openapi(
  jsonOperation({
    method: 'post',
    path: `${AGENT}/snapshots`,
    summary: 'Snapshots the worktree of the agent now',
    params: AgentPath,
    body: z.object({}),
    answer: z.object({}),
    status: 202,
  }),
  async (c) => {
    const { town, rig, agent } = c.req.valid('param');
    await (await registeredRig(c.env, town, rig)).takeSnapshot(agent);
    return c.json({}, 202);
  },
);

agents.openapi(
  readOperation({
    path: `${AGENT}/log/{after}`,
    summary: 'The output of the agent after a place, to follow it: `start`, or the `next` of the last answer',
    params: AgentPath.extend({ after: LogPlace }),
    answer: LogPart,
  }),
  async (c) => {
    const { town, rig, agent, after } = c.req.valid('param');
    return c.json(await (await registeredRig(c.env, town, rig)).logAfter(agent, after), 200);
  },
);

agents.openAPIRegistry.registerPath({
  method: 'get',
  path: `${AGENT}/log`,
  summary: 'The last output of the agent, at most 1 MiB',
  security: [{ operator: [] }],
  request: { params: AgentPath },
  responses: { 200: { description: 'The output', content: { 'text/plain': { schema: z.string() } } } },
});

agents.get('/api/towns/:town/rigs/:rig/agents/:agent/log', async (c) => {
  const { town, rig, agent } = AgentPath.parse(c.req.param());
  return c.text(await lastOutput(await registeredRig(c.env, town, rig), agent));
});
