import { z } from 'zod';
import { Removal, TownSettings, TownView } from '../../src/contract/town.ts';
import type { ContainerAction } from '../../src/contract/town.ts';
import { UsageError } from '../failure.ts';
import { apiPath, townOf } from '../places.ts';
import { fieldLines } from '../screens/fields.ts';
import { leftLines, whyOf } from '../screens/town.ts';
import { given, type Session, show, type Task, tell, textFrom } from '../session.ts';
import { changed } from './changed.ts';

/** `relight town ls` */
export const list: Task = async (session) => {
  const answer = await session.api.get(z.object({ towns: z.array(z.string()) }), '/api/towns');
  show(session, answer, ({ towns }) => towns);
};

/** `relight town show TOWN` */
export const details: Task = async (session, _, argument: string) => {
  const answer = await session.api.get(TownView, apiPath`/api/towns/${townOf(argument)}`);
  show(session, answer, (town) => fieldLines(town, session.terminal.style));
};

/** `relight town put TOWN …`: what is not given stays as it is. */
export const put: Task<Record<string, unknown>> = async (session, options, argument: string) => {
  const path = apiPath`/api/towns/${townOf(argument)}`;
  const { before, body } = await changed(session.api, path, 'unknown_town', TownSettings, given(options));
  const answer = await session.api.call(TownView, 'PUT', path, body);
  tell(session, answer.text, `${argument} is ${before === null ? 'made' : 'changed'}`);
};

/** `relight town archive TOWN` */
export const archive: Task = async ({ api, terminal }, _, argument: string) => {
  terminal.print(await api.text('GET', apiPath`/api/towns/${townOf(argument)}/archive`));
};

/** `relight town restore TOWN FILE` */
export const restore: Task = async (session, _, argument: string, file: string) => {
  const path = apiPath`/api/towns/${townOf(argument)}/archive`;
  const body = jsonOf(await textFrom(session, file === '-' ? file : `@${file}`));
  const answer = await session.api.call(TownView, 'PUT', path, body);
  tell(
    session,
    answer.text,
    `${argument} is restored, and its container held down; relight town start starts it`,
  );
};

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError('the archive is no JSON');
    throw error;
  }
}

/** `relight town rm TOWN` */
export const remove: Task<{ yes?: true }> = async (session, { yes }, argument: string) => {
  const town = townOf(argument);
  await session.terminal.confirm(
    `Remove ${town} with its rigs, agents, checkpoints and snapshots`,
    yes === true,
  );
  const answer = await session.api.call(Removal, 'DELETE', apiPath`/api/towns/${town}`);
  show(session, answer, (removal) => [`${town} is removed`, ...leftLines(removal)]);
};

/** `relight town start TOWN` */
export const start: Task = async (session, _, argument: string) => {
  await act(session, townOf(argument), 'start');
};

/** `relight town stop TOWN` */
export const stop: Task<{ yes?: true }> = async (session, { yes }, argument: string) => {
  const town = townOf(argument);
  await session.terminal.confirm(
    `Stop the container of ${town}, after its agents were snapshotted`,
    yes === true,
  );
  await act(session, town, 'stop');
};

/** `relight town kill TOWN`, `relight kill TOWN` */
export const kill: Task<{ yes?: true }> = async (session, { yes }, argument: string) => {
  const town = townOf(argument);
  await session.terminal.confirm(
    `Kill the container of ${town}; what is newer than the last snapshots is lost`,
    yes === true,
  );
  await act(session, town, 'kill');
};

async function act(session: Session, town: string, action: ContainerAction['action']): Promise<void> {
  const answer = await session.api.call(TownView, 'POST', apiPath`/api/towns/${town}/container`, { action });
  show(session, answer, (view) => [`${town} is ${view.state}: ${whyOf(view, Date.now())}`]);
}
