import { AgentView } from '../../src/contract/agent.ts';
import { UsageError } from '../failure.ts';
import { agentOf } from '../places.ts';
import { type Session, type Task, tell, textFrom } from '../session.ts';

interface SlingOptions {
  readonly bead?: string;
  readonly title?: string;
  readonly body?: string;
  readonly branch?: string;
}

/** `relight sling TOWN/RIG/AGENT`: a bead, or without `--bead` the agent's own once more, which resumes one that failed. */
export const sling: Task<SlingOptions> = async (session, options, argument: string) => {
  const { path } = agentOf(argument);
  const body =
    options.bead === undefined ? await sameAgain(session, path, options) : await newBead(session, options);
  const answer = await session.api.call(AgentView, 'PUT', `${path}/hook`, body);
  const { bead, branch, status } = answer.value;
  tell(
    session,
    answer.text,
    `${argument} is ${status} with ${bead?.id ?? 'nothing'} on branch ${branch ?? 'none'}`,
  );
};

async function newBead(session: Session, { bead, title, body, branch }: SlingOptions): Promise<unknown> {
  if (title === undefined) throw new UsageError('a bead needs --title');
  const text = body === undefined ? {} : { body: await textFrom(session, body) };
  return { bead: { id: bead, title, ...text }, ...(branch === undefined ? {} : { branch }) };
}

async function sameAgain(
  { api }: Session,
  path: string,
  { title, body, branch }: SlingOptions,
): Promise<unknown> {
  if (title !== undefined || body !== undefined || branch !== undefined)
    throw new UsageError('--title, --body and --branch need --bead');
  const { bead } = (await api.get(AgentView, path)).value;
  if (bead === null) throw new UsageError('the agent has no bead: say which with --bead and --title');
  return { bead };
}

/** `relight unsling TOWN/RIG/AGENT` */
export const unsling: Task<{ yes?: true }> = async (session, { yes }, argument: string) => {
  const { path } = agentOf(argument);
  await session.terminal.confirm(
    `Take the bead from ${argument}, end it and delete its snapshots`,
    yes === true,
  );
  tell(session, await session.api.text('DELETE', `${path}/hook`), `${argument} has no bead`);
};
