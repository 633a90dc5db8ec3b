import { AgentView } from '../../src/contract/agent.ts';
import type { ErrorCode } from '../../src/contract/errors.ts';
import { RigView } from '../../src/contract/rig.ts';
import { RefusedError, UsageError } from '../failure.ts';
import { agentOf, rigOf } from '../places.ts';
import { type Session, type Task, tell, textFrom } from '../session.ts';

interface SlingOptions {
  readonly bead?: string;
  readonly title?: string;
  readonly body?: string;
  readonly branch?: string;
  readonly gitUrl?: string;
}

/** `relight sling TOWN/RIG/AGENT`: a bead, with `--git-url` to a rig and an agent that need not be there yet, or without `--bead` the agent's own once more, which resumes one that failed. */
export const sling: Task<SlingOptions> = async (session, { gitUrl, ...options }, argument: string) => {
  const { town, rig, path } = agentOf(argument);
  if (gitUrl !== undefined)
    await register(session, { rig: rigOf(`${town}/${rig}`).path, agent: path }, gitUrl);
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

/** Adds the rig and the agent where they are missing. Throws UsageError where the rig is another repository. */
async function register(
  { api }: Session,
  paths: { readonly rig: string; readonly agent: string },
  gitUrl: string,
): Promise<void> {
  const known = await api.get(RigView, paths.rig).catch(unless('unknown_rig'));
  if (known === null) await api.text('PUT', paths.rig, { gitUrl });
  else if (known.value.gitUrl !== gitUrl)
    throw new UsageError(`the rig is at ${known.value.gitUrl}; change that by rig put`);
  const agent = await api.get(AgentView, paths.agent).catch(unless('unknown_agent'));
  if (agent === null) await api.text('PUT', paths.agent, {});
}

/** Takes one refusal for an answer, and throws all others on. */
function unless(code: ErrorCode): (error: unknown) => null {
  return (error) => {
    if (error instanceof RefusedError && error.problem.code === code) return null;
    throw error;
  };
}

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
