import type { Command, Option } from 'commander';

/** One way to go on: the whole word, and what it does. A word that ends with `/` is not at its end yet. */
export interface Proposal {
  readonly text: string;
  readonly does: string;
}

/** The names of what is at a place: of the towns at none, of a town's rigs, of a rig's agents. */
export type NamesAt = (
  place: readonly string[],
  options: Readonly<Record<string, string>>,
) => Promise<readonly string[]>;

/** Proposes how the last of the words may go on. The others are gone through as far as they make sense. */
export async function propose(
  program: Command,
  words: readonly string[],
  namesAt: NamesAt,
): Promise<readonly Proposal[]> {
  const whole = joinPieces(words);
  const begun = whole.at(-1) ?? '';
  const proposals = await proposeAll(program, goThrough(program, whole.slice(0, -1)), begun, namesAt);
  return proposals.filter(({ text }) => text.startsWith(begun));
}

/** Bash takes words apart at `=` and `:` (its COMP_WORDBREAKS). */
function joinPieces(words: readonly string[]): string[] {
  const whole: string[] = [];
  for (const [at, word] of words.entries()) {
    const isPiece = /^[=:]+$/.test(word) || /^[=:]+$/.test(words[at - 1] ?? '');
    if (isPiece && whole.length > 0) whole.push(`${whole.pop()}${word}`);
    else whole.push(word);
  }
  return whole;
}

/** Where words lead to: a command, its arguments so far, its options, and one that still waits for its value. */
interface Way {
  readonly command: Command;
  readonly places: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  readonly waiting: Option | null;
}

function goThrough(program: Command, words: readonly string[]): Way {
  let command = program;
  let waiting: Option | null = null;
  const places: string[] = [];
  const options: Record<string, string> = {};
  for (const word of words) {
    const [flag = '', value] = word.split(/=(.*)/s);
    const option: Option | undefined = optionsOf(program, command).find(
      ({ long, short }) => flag === long || flag === short,
    );
    const child = command.commands.find((each) => each.name() === word);
    if (waiting !== null) {
      options[waiting.attributeName()] = word;
      waiting = null;
    } else if (option !== undefined) {
      if (value !== undefined) options[option.attributeName()] = value;
      else if (option.required) waiting = option;
    } else if (child !== undefined) command = child;
    else if (!word.startsWith('-')) places.push(word);
  }
  return { command, places, options, waiting };
}

function optionsOf(program: Command, command: Command): readonly Option[] {
  return command === program ? program.options : [...command.options, ...program.options];
}

async function proposeAll(
  program: Command,
  { command, places, options, waiting }: Way,
  begun: string,
  namesAt: NamesAt,
): Promise<readonly Proposal[]> {
  if (waiting?.long === '--rig') return (await namesAt(places.slice(0, 1), options)).map(plain);
  if (waiting !== null) return (waiting.argChoices ?? []).map(plain);
  if (begun.startsWith('-'))
    return optionsOf(program, command).map(({ long, description }) => ({
      text: long ?? '',
      does: description,
    }));
  if (command.commands.length > 0)
    return command
      .createHelp()
      .visibleCommands(command)
      .map((child) => ({ text: child.name(), does: child.description() }));
  const argument = command.registeredArguments[places.length];
  if (argument?.argChoices !== undefined) return argument.argChoices.map(plain);
  const shape = argument?.name() ?? '';
  return shape.startsWith('TOWN') ? await proposePlace(shape, begun, (place) => namesAt(place, options)) : [];
}

/** Names for an argument like `TOWN/RIG/AGENT`, a part at a time. */
async function proposePlace(
  shape: string,
  begun: string,
  namesAt: (place: readonly string[]) => Promise<readonly string[]>,
): Promise<readonly Proposal[]> {
  const place = begun.split('/').slice(0, -1);
  const most = shape.split('/').length - 1;
  if (place.length > most) return [];
  const ending = place.length < most && !shape.includes('[') ? '/' : '';
  return (await namesAt(place)).map((name) => plain(`${[...place, name].join('/')}${ending}`));
}

function plain(text: string): Proposal {
  return { text, does: '' };
}
