import { z } from 'zod';
import { AgentSpec, AgentView } from '../../src/contract/agent.ts';
import { Prime } from '../../src/contract/prime.ts';
import { Snapshot } from '../../src/contract/snapshot.ts';
import { agentOf, apiPath, rigOf, townOf } from '../places.ts';
import { fieldLines } from '../screens/fields.ts';
import { table } from '../screens/table.ts';
import { agentTable } from '../screens/town.ts';
import { given, show, type Task, tell } from '../session.ts';
import { ago, bytes } from '../words.ts';
import { changed } from './changed.ts';
import { Agents, Checkpoints, jsonObject, Rigs } from './read-town.ts';

/** `relight agent ls TOWN[/RIG]` */
export const list: Task = async ({ api, terminal, options }, _, argument: string) => {
  const at = argument.includes('/') ? rigOf(argument) : { town: townOf(argument), rig: null };
  const town = apiPath`/api/towns/${at.town}`;
  const rigs =
    at.rig === null ? (await api.get(Rigs, `${town}/rigs`)).value.rigs.map(({ rig }) => rig) : [at.rig];
  const rosters = await Promise.all(
    rigs.map(async (rig) => ({
      rig,
      answer: await api.get(Agents, `${town}${apiPath`/rigs/${rig}`}/agents`),
    })),
  );
  if (options.json === true) {
    const [first] = rosters;
    const byRig = Object.fromEntries(rosters.map(({ rig, answer }) => [rig, answer.text]));
    terminal.print(at.rig !== null && first !== undefined ? first.answer.text : jsonObject(byRig));
    return;
  }
  const agents = rosters.flatMap(({ rig, answer }) =>
    answer.value.agents.map((view) => ({ rig, view, checkpoint: null })),
  );
  terminal.print(...agentTable(agents, Date.now(), terminal.style));
};

/** `relight agent show TOWN/RIG/AGENT` */
export const details: Task = async (session, _, argument: string) => {
  const answer = await session.api.get(AgentView, agentOf(argument).path);
  show(session, answer, (agent) => fieldLines(agent, session.terminal.style));
};

/** `relight agent put TOWN/RIG/AGENT …`: what is not given stays as it is. */
export const put: Task<Record<string, unknown>> = async (session, options, argument: string) => {
  const { path } = agentOf(argument);
  const { before, body } = await changed(session.api, path, 'unknown_agent', AgentSpec, given(options));
  const answer = await session.api.call(AgentView, 'PUT', path, body);
  tell(session, answer.text, `${argument} is ${before === null ? 'added' : 'changed'}`);
};

/** `relight agent rm TOWN/RIG/AGENT` */
export const remove: Task<{ yes?: true }> = async (session, { yes }, argument: string) => {
  const { path } = agentOf(argument);
  await session.terminal.confirm(`Remove ${argument} with its checkpoints and snapshots`, yes === true);
  tell(session, await session.api.text('DELETE', path), `${argument} is removed`);
};

/** `relight agent prime TOWN/RIG/AGENT` */
export const prime: Task = async (session, _, argument: string) => {
  show(session, await session.api.get(Prime, `${agentOf(argument).path}/prime`), ({ text }) => [
    text.trimEnd(),
  ]);
};

/** `relight agent checkpoints TOWN/RIG/AGENT` */
export const checkpoints: Task = async (session, _, argument: string) => {
  const answer = await session.api.get(Checkpoints, `${agentOf(argument).path}/checkpoints`);
  const now = Date.now();
  const rows = answer.value.checkpoints.map(({ seq, bead, at, head, data }) => [
    `#${seq}`,
    bead,
    ago(at, now),
    head?.slice(0, 8) ?? '-',
    JSON.stringify(data),
  ]);
  show(session, answer, () => table(['SEQ', 'BEAD', 'SAVED', 'HEAD', 'DATA'], rows, session.terminal.style));
};

/** `relight agent snapshots TOWN/RIG/AGENT` */
export const snapshots: Task = async (session, _, argument: string) => {
  const answer = await session.api.get(
    z.object({ snapshots: z.array(Snapshot) }),
    `${agentOf(argument).path}/snapshots`,
  );
  const now = Date.now();
  const rows = answer.value.snapshots.map((each) => [
    `${each.generation}.${each.seq}`,
    each.bead,
    ago(each.at, now),
    String(each.files),
    each.bytes === null ? '-' : bytes(each.bytes),
    each.store,
    each.commit.slice(0, 8),
    String(each.leftOutCount),
  ]);
  const heads = ['SNAPSHOT', 'BEAD', 'TAKEN', 'FILES', 'SIZE', 'STORE', 'COMMIT', 'LEFT OUT'];
  show(session, answer, () => table(heads, rows, session.terminal.style));
};

/** `relight agent snapshot TOWN/RIG/AGENT` */
export const snapshot: Task = async (session, _, argument: string) => {
  const answer = await session.api.text('POST', `${agentOf(argument).path}/snapshots`, {});
  tell(
    session,
    answer,
    `${argument} is asked for a snapshot; relight agent snapshots shows it when it is stored`,
  );
};
