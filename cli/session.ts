import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Answer, Api } from './api.ts';
import { type ExitCode, UsageError } from './failure.ts';
import type { GlobalOptions } from './settings.ts';
import type { Terminal } from './terminal.ts';

/** What a command works with. */
export interface Session {
  readonly api: Api;
  readonly terminal: Terminal;
  readonly options: GlobalOptions;
  /** Aborted by Ctrl-C and SIGTERM from the first time that it is asked for: for commands that follow something. */
  readonly interrupted: AbortSignal;
}

/** A command: gets its own options and its arguments, and answers with an exit code other than 0 where it has one. */
export type Task<Options = unknown> = (
  session: Session,
  options: Options,
  ...args: string[]
) => Promise<ExitCode | void>;

/** Prints an answer: with `--json` exactly as it came, else as these lines. */
export function show<Shape>(
  { terminal, options }: Session,
  answer: Answer<Shape>,
  lines: (value: Shape) => string[],
): void {
  terminal.print(...(options.json === true ? [answer.text] : lines(answer.value)));
}

/** Says that something was done, in a sentence; with `--json` prints the answer, if there is one. */
export function tell({ terminal, options }: Session, answer: string, sentence: string): void {
  if (options.json !== true) terminal.print(sentence);
  else if (answer !== '') terminal.print(answer);
}

/** The text that an argument stands for: itself, standard input for `-`, a file for `@file`. Throws UsageError. */
export async function textFrom({ terminal, options }: Session, argument: string): Promise<string> {
  if (argument === '-') {
    if (options.token === '-')
      throw new UsageError('only one of --token and --body can come from standard input');
    return await text(terminal.stdin);
  }
  if (!argument.startsWith('@')) return argument;
  try {
    return await readFile(argument.slice(1), 'utf8');
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The options that were given, under the names that the API has for them; an empty text takes a setting away. */
export function given(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, value === '' ? null : value]));
}
