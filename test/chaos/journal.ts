import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CommitId } from '../../src/contract/ids.ts';
import { Action } from './actions.ts';

const Numbered = { n: z.int().positive(), life: z.int().positive(), at: z.int() };

/**
 * A line of a writer's journal: an action `n` begins in a life, and later, unless the writer was killed meanwhile, it has
 * ended. `at` is in epoch milliseconds; an end is stamped after the action returned. A `failure` leaves open what was
 * done of it.
 */
export const JournalLine = z.discriminatedUnion('what', [
  z.object({ what: z.literal('begun'), ...Numbered, action: Action }),
  z.object({
    what: z.literal('ended'),
    ...Numbered,
    commit: CommitId.nullable(),
    failure: z.string().nullable(),
  }),
]);
export type JournalLine = z.infer<typeof JournalLine>;

/** The journal of one agent's writer, outside the container's disk: it outlives every kill. */
export class Journal {
  readonly #file: string;

  constructor(dir: string, agent: string) {
    this.#file = join(dir, `${agent}.jsonl`);
  }

  /** Writes the line before it returns. */
  add(line: JournalLine): void {
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  /** Everything that was written so far. Each line is one write of a few bytes, so a kill leaves no half of one. */
  read(): JournalLine[] {
    if (!existsSync(this.#file)) return [];
    const lines = readFileSync(this.#file, 'utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => JournalLine.parse(JSON.parse(line)));
  }
}
