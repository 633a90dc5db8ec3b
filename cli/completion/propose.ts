import type { Command, Option } from 'commander';

/** One way to go on: the whole word, and what it does. */
export interface Proposal {
  readonly text: string;
  readonly does: string;
}

/** What can follow: with `goesOn` the word is not at its end yet, as in `home/`. */
export interface Proposals {
  readonly proposals: readonly Proposal[];
  readonly goesOn: boolean;
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
): Promise<Proposals> {
  const begun = words.at(-1) ?? '';
  const { command, places, option, options } = goThrough(program, words.slice(0, -1));
  if (option !== null) {
    if (option.long !== '--rig') return ending(begun, (option.argChoices ?? []).map(plain));
    const [town = ''] = places;
    return ending(begun, (await namesAt([town], options)).map(plain));
  }
  if (begun.startsWith('-')) {
    const known = [...command.options, ...(command === program ? [] : program.options)];
    return ending(
      begun,
      known.map(({ long, description }) => ({ text: long ?? '', does: description })),
    );
  }
  const children = command.createHelp().visibleCommands(command);
  if (children.length > 0)
    return ending(
      begun,
      children.map((child) => ({ text: child.name(), does: child.description() })),
    );
  const argument = command.registeredArguments[places.length];
  if (argument === undefined) return ending(begun, []);
  if (argument.argChoices !== undefined) return ending(begun, argument.argChoices.map(plain));
  return await proposePlace(argument.name(), begun, (place) => namesAt(place, options));
}

const plain = (text: string): Proposal => ({ text, does: '' });

function ending(begun: string, proposals: readonly Proposal[]): Proposals {
  return { proposals: proposals.filter(({ text }) => text.startsWith(begun)), goesOn: false };
}

/** Names for an argument like `TOWN/RIG/AGENT`, a part at a time. */
async function proposePlace(
  shape: string,
  begun: string,
  namesAt: (place: readonly string[]) => Promise<readonly string[]>,
): Promise<Proposals> {
  if (!shape.startsWith('TOWN')) return ending(begun, []);
  const place = begun.split('/').slice(0, -1);
  const most = shape.split('/').length - 1;
  if (place.length > most) return ending(begun, []);
  const goesOn = place.length < most && !shape.includes('[');
  const names = await namesAt(place);
  return {
    ...ending(
      begun,
      names.map((name) => plain([...place, name].join('/') + (goesOn ? '/' : ''))),
    ),
    goesOn,
  };
}

/** Which command words lead to, the arguments that it has got, and the option that still waits for its value. */
function goThrough(program: Command, words: readonly string[]) {
  let command = program;
  let option: Option | null = null;
  const places: string[] = [];
  const options: Record<string, string> = {};
  for (const word of words) {
    if (option !== null) {
      options[option.attributeName()] = word;
      option = null;
    } else if (word.startsWith('-')) {
      const [flag = '', value] = word.split('=');
      const known = [...command.options, ...program.options].find(
        ({ long, short }) => flag === long || flag === short,
      );
      if (known !== undefined && value !== undefined) options[known.attributeName()] = value;
      else if (known?.required === true) option = known;
    } else {
      const child = command.commands.find((each) => each.name() === word);
      if (child === undefined) places.push(word);
      else command = child;
    }
  }
  return { command, places, option, options };
}
