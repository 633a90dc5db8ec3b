import { RigSpec, RigView } from '../../src/contract/rig.ts';
import { Removal } from '../../src/contract/town.ts';
import { UsageError } from '../failure.ts';
import { apiPath, rigOf, townOf } from '../places.ts';
import { fieldLines } from '../screens/fields.ts';
import { leftLines, rigTable } from '../screens/town.ts';
import { given, show, type Task, tell } from '../session.ts';
import { changed } from './changed.ts';
import { Rigs } from './read-town.ts';

/** `relight rig ls TOWN` */
export const list: Task = async (session, _, argument: string) => {
  const answer = await session.api.get(Rigs, `${apiPath`/api/towns/${townOf(argument)}`}/rigs`);
  show(session, answer, ({ rigs }) => rigTable(rigs, session.terminal.style));
};

/** `relight rig show TOWN/RIG` */
export const details: Task = async (session, _, argument: string) => {
  const answer = await session.api.get(RigView, rigOf(argument).path);
  show(session, answer, (rig) => fieldLines(rig, session.terminal.style));
};

/** `relight rig put TOWN/RIG …`: what is not given stays as it is. */
export const put: Task<Record<string, unknown>> = async (session, options, argument: string) => {
  const { path } = rigOf(argument);
  const { before, body } = await changed(session.api, path, 'unknown_rig', RigSpec, given(options));
  if (body.gitUrl === undefined) throw new UsageError('a new rig needs --git-url');
  const answer = await session.api.call(RigView, 'PUT', path, body);
  tell(session, answer.text, `${argument} is ${before === null ? 'registered' : 'changed'}`);
};

/** `relight rig rm TOWN/RIG` */
export const remove: Task<{ yes?: true }> = async (session, { yes }, argument: string) => {
  const { path } = rigOf(argument);
  await session.terminal.confirm(
    `Remove ${argument} with its agents, checkpoints and snapshots`,
    yes === true,
  );
  const answer = await session.api.call(Removal, 'DELETE', path);
  show(session, answer, (removal) => [`${argument} is removed`, ...leftLines(removal)]);
};
