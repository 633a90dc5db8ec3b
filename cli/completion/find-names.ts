import { z } from 'zod';
import { Api } from '../api.ts';
import { apiPath } from '../places.ts';
import { settingsOf } from '../settings.ts';
import type { Terminal } from '../terminal.ts';
import type { NamesAt } from './propose.ts';

/** How long somebody who pressed the tab key is kept waiting. */
const PATIENCE_MS = 1_500;

const Names = z.object({
  towns: z.array(z.string()).default([]),
  rigs: z.array(z.object({ rig: z.string() })).default([]),
  agents: z.array(z.object({ agent: z.string() })).default([]),
});

/** Asks Relight for names. Silent, with no names, where it cannot be asked: a shell is no place for complaints. */
export function findNames({ stdin }: Pick<Terminal, 'stdin'>): NamesAt {
  return async ([town, rig], options) => {
    try {
      // Standard input is the terminal's: no token is read from it here.
      const { token, ...rest } = options;
      const settings = await settingsOf(token === undefined || token === '-' ? rest : options, stdin);
      const response = await new Api(settings).open('GET', pathOf(town, rig), {
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const { towns, rigs, agents } = Names.parse(await response.json());
      return [...towns, ...rigs.map((each) => each.rig), ...agents.map((each) => each.agent)];
    } catch (error) {
      if (error instanceof Error) return [];
      throw error;
    }
  };
}

function pathOf(town: string | undefined, rig: string | undefined): string {
  if (town === undefined) return '/api/towns';
  return rig === undefined
    ? apiPath`/api/towns/${town}/rigs`
    : apiPath`/api/towns/${town}/rigs/${rig}/agents`;
}
