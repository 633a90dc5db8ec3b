import { z } from 'zod';
import { TownView } from '../../src/contract/town.ts';
import { UsageError } from '../failure.ts';
import { apiPath, townOf } from '../places.ts';
import { stateCell } from '../screens/states.ts';
import { table } from '../screens/table.ts';
import { townScreen, whyOf } from '../screens/town.ts';
import type { Session, Task } from '../session.ts';
import { readTown } from './read-town.ts';

/** `relight status [TOWN] [--watch]` */
export const status: Task<{ watch?: true }> = async (session, { watch }, argument?: string) => {
  if (argument === undefined) {
    if (watch === true) throw new UsageError('say which town to watch');
    return await allTowns(session);
  }
  const town = townOf(argument);
  if (watch === true) return await (await import('./watch.ts')).watchTown(session, town);
  const { terminal, options, api } = session;
  const { facts, json } = await readTown(api, town);
  terminal.print(...(options.json === true ? [json()] : townScreen(facts, Date.now(), terminal.style)));
};

/** How many towns are asked at a time. */
const AT_A_TIME = 16;

async function allTowns({ api, terminal, options }: Session): Promise<void> {
  const { towns } = (await api.get(z.object({ towns: z.array(z.string()) }), '/api/towns')).value;
  const answers = [];
  for (let first = 0; first < towns.length; first += AT_A_TIME) {
    const some = towns.slice(first, first + AT_A_TIME);
    answers.push(...(await Promise.all(some.map((town) => api.get(TownView, apiPath`/api/towns/${town}`)))));
  }
  if (options.json === true) {
    terminal.print(`{"towns":[${answers.map(({ text }) => text).join(',')}]}`);
    return;
  }
  const now = Date.now();
  const rows = answers.map(({ value }) => [
    value.town,
    stateCell(value.state, terminal.style),
    value.generation === 0 ? '-' : String(value.generation),
    whyOf(value, now),
  ]);
  if (rows.length === 0) terminal.say('there are no towns yet; relight town put makes one');
  terminal.print(...table(['TOWN', 'STATE', 'GENERATION', 'WHY'], rows, terminal.style));
}
